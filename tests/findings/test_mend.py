"""A killed supervisor's run is completed: an end, exact counters, and every sighting filed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from soak import flight
from soak.events import (
    Beat,
    Event,
    Facts,
    Kept,
    PromiseBroken,
    RunEnded,
    Sighted,
    Verdict,
    WorkerEnded,
    WorkerStarted,
    decode,
)
from soak.findings.finding import FindingContext
from soak.findings.mend import LOST, mend, mend_all
from soak.findings.signature import signature
from soak.findings.store import Store
from soak.supervisor.plan import Entry, Plan
from soak.supervisor.stream import is_whole
from tests.detect.samples import sample
from tests.findings.memory.nights import MARK, night, promise_broken, write

NAME = "20261120-030000"
#: Above every process id that Linux gives out: nobody has it.
NOBODY = 1 << 23


def killed(hits: Sequence[int] = (), *, keep: bool = True) -> list[Event]:
    """The stream of a run that was killed while worker 1 (or the one after the last hit) lived."""
    events = night(NAME, hits=hits, ended=False)
    last = len(events) - 1
    events = [event for event in events[:last] if keep or not isinstance(event, Kept)]
    return [
        sample(
            WorkerStarted,
            t=event.t,
            worker=event.worker,
            scenario="storm",
            pid=NOBODY,
            first_iteration=event.first_iteration,
            sometimes=(MARK,),
        )
        if isinstance(event, WorkerStarted)
        else event
        for event in events
    ]


def plan(out: Path, folder: Path) -> Plan:
    """The plan as the killed run saved it."""
    entry = Entry(
        name="storm",
        file=Path("/home/ada/storm.py"),
        summary="",
        seconds=1.0,
        fresh=False,
        real_exit=False,
        sometimes=("never counted", MARK),
        target="",
        hang_after=3.0,
        waived=("never counted",),
    )
    made = Plan(
        entries=(entry,), seed=7, jobs=1, out=out, target="lab:Lab", perturb="heavy", guard_malloc=True
    )
    made.save(folder)
    return made


def fly(folder: Path, worker: int) -> None:
    """The flight file that worker ``worker`` left: 123 finished iterations, 77 operations, 1 refused."""
    home = folder / "workers" / str(worker)
    home.mkdir(parents=True)
    flight.create(home / "flight")
    writer = flight.Flight(home / "flight")
    slot = writer.slot(0, "op-0", flight.SCENARIO)
    for number in range(77):
        slot.count(refused=number == 0)
    for _ in range(5):
        slot.mark(1)
    writer.words[flight.H_ITERATIONS] = 123
    writer.words[flight.H_ITERATION] = 123
    writer.words.release()


def events_of(stream: Path) -> list[Event]:
    return [decode(line) for line in stream.read_bytes().splitlines()]


def test_a_lost_workers_counters_are_those_of_its_flight_file(tmp_path: Path) -> None:
    """Not those of its last beat, which said 100 iterations: the file outlived the worker."""
    stream = write(tmp_path, killed(), NAME)
    plan(tmp_path, stream.parent)
    fly(stream.parent, 1)
    mend(stream, Store(tmp_path))
    *_before, ended, end = events_of(stream)
    assert isinstance(ended, WorkerEnded)
    assert (ended.iterations, ended.operations, ended.accepted, ended.refused) == (123, 77, 76, 1)
    assert ended.sometimes == {MARK: 5}
    assert ended.asked == LOST
    assert isinstance(end, RunEnded)
    assert (end.verdict, end.reason) == (Verdict.INTERRUPTED, "the supervisor was killed")
    assert not (stream.parent / "workers").exists()


def test_without_a_flight_file_the_last_beat_counts(tmp_path: Path) -> None:
    stream = write(tmp_path, killed(), NAME)
    mend(stream, Store(tmp_path))
    ended = events_of(stream)[-2]
    assert isinstance(ended, WorkerEnded)
    assert (ended.iterations, ended.operations) == (100, 1000)


def test_a_stream_is_mended_once(tmp_path: Path) -> None:
    stream = write(tmp_path, killed((10,)), NAME)
    said: list[str] = []
    mend_all(tmp_path, said.append)
    once = stream.read_bytes()
    mend_all(tmp_path, said.append)
    assert stream.read_bytes() == once
    assert said == [f"run {NAME} had no end, its supervisor was killed: completed"]


def test_a_run_that_ended_is_left_alone(tmp_path: Path) -> None:
    stream = write(tmp_path, night(NAME, hits=(10,)), NAME)
    before = stream.read_bytes()
    mend_all(tmp_path, lambda _text: pytest.fail("nothing is to be done"))
    assert stream.read_bytes() == before


def test_a_sighting_that_was_not_filed_is_filed_with_what_brings_it_back(tmp_path: Path) -> None:
    """Scenario file, target, seed and settings come from the plan; the evidence that lies there is kept."""
    stream = write(tmp_path, killed((10,), keep=False), NAME)
    plan(tmp_path, stream.parent)
    mend(stream, Store(tmp_path))
    (finding,) = Store(tmp_path).all()
    known = finding.reproducer
    assert finding.id == signature(promise_broken(1, 1, 10)).id
    assert (finding.count, finding.runs) == (1, {NAME: 1})
    assert (known.scenario_file, known.target, known.seed) == ("/home/ada/storm.py", "lab:Lab", 7)
    assert (known.perturb, known.guard_malloc, known.hang_after) == ("heavy", True, 3.0)
    (kept,) = [event for event in events_of(stream) if isinstance(event, Kept)]
    assert (tmp_path / kept.path / "sighting.json").is_file()


def test_what_is_filed_late_knows_the_facts_that_came_late(tmp_path: Path) -> None:
    """Its environment is the run's, and what was asked beside the work."""
    began, *others = killed((10,), keep=False)
    facts = sample(Facts, t=began.t, facts={"blas": "openblas"})
    stream = write(tmp_path, [began, facts, *others], NAME)
    plan(tmp_path, stream.parent)
    mend(stream, Store(tmp_path))
    (kept,) = [event for event in events_of(stream) if isinstance(event, Kept)]
    environment = json.loads((tmp_path / kept.path / "env.json").read_text())
    assert (environment["python"], environment["blas"]) == ("3.12.1", "openblas")


def test_a_sighting_that_was_filed_and_not_said_is_not_filed_twice(tmp_path: Path) -> None:
    """Killed between the occurrence's rename and its line: one occurrence, counted once."""
    stream = write(tmp_path, killed((10,), keep=False), NAME)
    sighted = next(event for event in events_of(stream) if isinstance(event, Sighted))
    store = Store(tmp_path)
    store.file(sighted, stream.parent, _context())
    mend(stream, store)
    (finding,) = store.all()
    assert (finding.count, len(store.occurrences(finding.id))) == (1, 1)


def test_an_occurrence_that_was_filed_and_not_counted_is_counted(tmp_path: Path) -> None:
    """Killed between the occurrence's rename and the finding's new count."""
    stream = write(tmp_path, killed((10, 40), keep=False), NAME)
    first, second = (event for event in events_of(stream) if isinstance(event, Sighted))
    store = Store(tmp_path)
    kept = store.file(first, stream.parent, _context())
    counted = (store.folder(kept.finding) / "finding.json").read_bytes()
    store.file(second, stream.parent, _context())
    (store.folder(kept.finding) / "finding.json").write_bytes(counted)
    mend(stream, store)
    (finding,) = store.all()
    assert (finding.count, finding.runs) == (2, {NAME: 2})
    assert len(store.occurrences(finding.id)) == 2


def test_what_the_last_event_shows_is_sighted(tmp_path: Path) -> None:
    """Killed between a broken promise and its sighting: it is sighted, under the next number, and filed."""
    broken = sample(PromiseBroken, t=1050.0, worker=2, iteration=30, promise="the arm stays up")
    stream = write(tmp_path, [*killed((10,)), broken], NAME)
    mend(stream, Store(tmp_path))
    sighted = [event for event in events_of(stream) if isinstance(event, Sighted)]
    assert [(one.sighting, one.promise) for one in sighted][-1] == (2, "the arm stays up")
    assert sighted[-1].scenario == "storm"
    assert "the arm stays up" in [finding.title for finding in Store(tmp_path).all()]


def test_what_was_sighted_and_followed_by_more_is_not_sighted_again(tmp_path: Path) -> None:
    broken = sample(PromiseBroken, t=1050.0, worker=2, iteration=30, promise="the arm stays up")
    beat = sample(Beat, t=1051.0, worker=2, iterations=1, took={})
    stream = write(tmp_path, [*killed((10,)), broken, beat], NAME)
    mend(stream, Store(tmp_path))
    assert len([event for event in events_of(stream) if isinstance(event, Sighted)]) == 1


def test_a_cut_last_line_stays_a_line_of_its_own(tmp_path: Path) -> None:
    """What comes after it is whole; the cut line is told."""
    stream = write(tmp_path, killed(), NAME)
    stream.write_bytes(stream.read_bytes() + b'{"event":"Beat","t":10')
    said: list[str] = []
    mend_all(tmp_path, said.append)
    lines = stream.read_bytes().splitlines()
    assert lines[-3] == b'{"event":"Beat","t":10'
    assert isinstance(decode(lines[-1]), RunEnded)
    assert said[0].endswith("1 broken line left out")
    assert is_whole(stream)


def test_an_empty_stream_gets_an_end(tmp_path: Path) -> None:
    """Killed before the first line."""
    stream = write(tmp_path, [], NAME)
    mend_all(tmp_path, lambda _text: None)
    assert isinstance(events_of(stream)[0], RunEnded)


class FullStore(Store):
    """A store on a disk that is full."""

    def file_once(self, sighted: Sighted, run_folder: Path, context: FindingContext) -> Kept:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_rest_for_the_next_time(tmp_path: Path) -> None:
    """The stream still has no end, and the next try completes all."""
    stream = write(tmp_path, killed((10,), keep=False), NAME)
    with pytest.raises(OSError, match="No space left"):
        mend(stream, FullStore(tmp_path))
    assert not is_whole(stream)
    mend_all(tmp_path, lambda _text: None)
    assert is_whole(stream)
    assert Store(tmp_path).all()[0].count == 1


def _context() -> FindingContext:
    return FindingContext(
        run=NAME,
        scenario_file="/home/ada/storm.py",
        scenario="storm",
        target="",
        seed=7,
        perturb="light",
        guard_malloc=False,
        hang_after=10.0,
        python="",
    )
