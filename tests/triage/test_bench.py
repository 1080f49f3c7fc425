"""How tries are counted: events in, a count out."""

from __future__ import annotations

import dataclasses

from soak.events import Event, Kept, Kind, Sighted
from soak.findings.signature import signature
from soak.triage.bench import Count, Tries
from tests.detect.samples import sample
from tests.triage.events import ended, named, preceded, started


def counted(*events: Event | list[Event], parts: int = 0) -> Count:
    """What a view says that saw these."""
    tries = Tries("mine", parts=parts)
    for each in events:
        for event in each if isinstance(each, list) else [each]:
            tries.see(event)
    return tries.count()


def test_a_worker_is_a_try_and_one_that_shows_the_finding_a_hit() -> None:
    """Two sightings in one worker are one hit; its time is that of the first; another finding is no hit."""
    count = counted(
        [started(1), *named(1, 1, "mine", t=104.0), *named(2, 1, "mine", t=109.0), *ended(1, "finding")],
        [started(2), *named(3, 2, "other"), *ended(2, "finding")],
        [started(3), *ended(3)],
    )
    assert (count.hits, count.tries, count.slowest, count.different) == (1, 3, 4.0, {"other": 1})


def test_a_crash_is_sighted_after_its_workers_end() -> None:
    """It counts all the same, once the worker has ended."""
    count = counted(started(1), ended(1, ""), named(1, 1, "mine"))
    assert (count.hits, count.tries) == (1, 1)


def test_what_was_stopped_is_no_try() -> None:
    """By the supervisor's word, by its kill; a hang is one."""
    count = counted(
        [started(1), *ended(1, "asked")],
        [started(2), *ended(2, "", asked="budget")],
        [started(3), *named(1, 3, "mine"), *ended(3, "", asked="hang")],
        started(4),
    )
    assert (count.hits, count.tries) == (1, 1)


def test_only_what_comes_after_all_parts_counts() -> None:
    """In a part it came sooner; a part that ends otherwise loses the try."""
    count = counted(
        [started(1), preceded(1), preceded(1), *named(1, 1, "mine"), *ended(1, "finding")],
        [started(2), preceded(2), *named(2, 2, "mine", iteration=5), *ended(2, "finding")],
        [started(3), *named(3, 3, "other"), *ended(3, "finding")],
        [started(4), preceded(4), preceded(4), *ended(4)],
        parts=2,
    )
    assert (count.hits, count.tries, count.sooner, count.sooner_at, count.lost) == (1, 2, 1, 5, 1)


def test_what_an_older_soak_named_counts_as_itself() -> None:
    """A finding of before guarantees can be shrunk and triaged by the name that it has in the store."""
    broken = sample(Sighted, kind=Kind.VIOLATION, promise="it is in one piece", target="shop:Sim")
    now = dataclasses.replace(broken, worker=1, guarantee="it stays whole")
    kept = sample(Kept, sighting=now.sighting, finding=signature(now).id)
    tries = Tries(signature(broken).id, parts=0)
    for event in (started(1), now, kept, *ended(1, "finding")):
        tries.see(event)
    assert signature(now).id != signature(broken).id
    assert (tries.count().hits, tries.count().different) == (1, {})
