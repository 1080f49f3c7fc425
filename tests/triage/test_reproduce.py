"""How a finding is brought back, and how the tries are counted: events in, a tally out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from soak.events import Kept, Kind, LastWords, Phase, RunStarted, Sighted, WorkerEnded
from soak.findings.finding import Finding, Reproducer
from soak.findings.signature import former_names, signature
from soak.supervisor.plan import Entry
from soak.triage.reproduce import Reproduced, Tally, plan_for

ENTRY = Entry(
    name="story",
    file=Path("story.py"),
    summary="",
    seconds=1.0,
    fresh=False,
    real_exit=False,
    sometimes=(),
    target="",
    hang_after=None,
)


def finding(kind: Kind, iteration: int, first_iteration: int) -> Finding:
    """A finding of ``kind`` that a worker which began at ``first_iteration`` showed in ``iteration``."""
    return Finding(
        id="crash-12345678",
        kind=kind,
        title="t",
        detail="d",
        parts=(),
        frames=(),
        signal=0,
        tainted=False,
        shutdown=False,
        first_seen=1.0,
        last_seen=1.0,
        count=1,
        runs={},
        reproducer=Reproducer(
            scenario_file="story.py",
            scenario="story",
            target="shop:Sim",
            seed=7,
            iteration=iteration,
            first_iteration=first_iteration,
            perturb="heavy",
            guard_malloc=True,
            hang_after=3.0,
            python="/usr/bin/python",
        ),
        reproductions=(),
    )


def test_a_finding_is_tried_with_all_that_decided_it() -> None:
    """Seed, iteration, target, perturbation, guard pages, hang limit and interpreter are the finding's."""
    plan = plan_for(finding(Kind.CRASH, 41, 30), ENTRY, tries=20, out=Path("out"), python="")
    assert (plan.first_iteration, plan.span, plan.count, plan.jobs) == (41, 1, 20, 1)
    assert (plan.seed, plan.target, plan.perturb, plan.guard_malloc) == (7, "shop:Sim", "heavy", True)
    assert (plan.hang_limit(ENTRY), plan.python) == (3.0, "/usr/bin/python")
    assert plan.minutes is None


def test_another_environment_may_be_tried() -> None:
    """--python replaces the interpreter that the finding was found with."""
    plan = plan_for(finding(Kind.CRASH, 1, 0), ENTRY, tries=1, out=Path("out"), python="/opt/python")
    assert plan.python == "/opt/python"


@pytest.mark.parametrize(("iteration", "span"), [(30, 4), (39, 15)])
def test_a_leak_is_tried_from_its_workers_first_iteration_on(iteration: int, span: int) -> None:
    """The baseline needs the iterations before, and the slope some room after."""
    plan = plan_for(finding(Kind.LEAK, iteration, 30), ENTRY, tries=3, out=Path("out"), python="")
    assert (plan.first_iteration, plan.span) == (30, span)


def started() -> RunStarted:
    return RunStarted(
        t=100.0,
        run="r",
        argv=(),
        seed=7,
        scenarios=("story",),
        minutes=None,
        count=5,
        jobs=1,
        environment={},
    )


def sighted(sighting: int, worker: int, t: float = 104.0) -> Sighted:
    return Sighted(
        t=t,
        sighting=sighting,
        worker=worker,
        scenario="story",
        kind=Kind.CRASH,
        title="t",
        promise="",
        detail="",
        frames=(),
        doing=(),
        signal=11,
        tainted=False,
        shutdown=False,
        iteration=41,
        first_iteration=41,
        evidence=(),
    )


def kept(sighting: int, name: str, t: float = 104.0) -> Kept:
    return Kept(t=t, sighting=sighting, finding=name, occurrence=1, new=False, path=f"findings/{name}/1")


def ended(worker: int, asked: str = "") -> WorkerEnded:
    return WorkerEnded(
        t=105.0,
        worker=worker,
        scenario="story",
        status=0,
        asked=asked,
        last_words=True,
        dump_began=False,
        phase=Phase.EXIT,
        iteration=41,
        seconds=1.0,
        iterations=1,
        operations=1,
        accepted=1,
        refused=0,
        sometimes={},
        doing=(),
        fault_text="",
        mujoco_log="",
        oom="",
    )


def test_a_worker_is_a_try_and_one_that_shows_the_finding_a_hit() -> None:
    """Two sightings in one worker are one hit; another finding is counted for itself."""
    tally = Tally("mine")
    for event in (
        started(),
        sighted(1, 1),
        kept(1, "mine"),
        sighted(2, 1),
        kept(2, "mine"),
        ended(1),
        ended(2),
        sighted(3, 3),
        kept(3, "other"),
        ended(3, asked="hang"),
    ):
        tally.see(event)
    assert tally.result() == Reproduced(
        finding="mine", hits=1, tries=3, first_after=4.0, different={"other": 1}, cut=1
    )


def test_a_finding_that_an_older_soak_named_comes_back() -> None:
    """What is sighted now has a newer name; by its former one, it is the finding that was asked for."""
    now = dataclasses.replace(sighted(1, 1), target="shop:Sim", operation="step")
    tally = Tally(min(former_names(now) - {signature(now).id}))
    for event in (started(), now, kept(1, signature(now).id), ended(1), ended(2)):
        tally.see(event)
    result = tally.result()
    assert (result.hits, result.tries, result.different) == (1, 2, {})


def test_a_worker_that_was_interrupted_is_no_try() -> None:
    """Ctrl-C in the middle of a try says nothing about the finding."""
    tally = Tally("mine")
    for event in (started(), ended(1), ended(2, asked="interrupt")):
        tally.see(event)
    assert tally.result().tries == 1


def test_a_worker_that_was_stopped_early_is_no_try_unless_it_showed_something() -> None:
    """A budget's end proves nothing of the try in which it came; a hit before it counts, with its try."""
    tally = Tally("mine")
    for event in (
        started(),
        LastWords(t=1.0, worker=1, reason="asked", iterations=0),
        ended(1),
        sighted(1, 2),
        kept(1, "mine"),
        ended(2, asked="interrupt"),
    ):
        tally.see(event)
    assert (tally.result().hits, tally.result().tries) == (1, 1)


def test_what_is_different_leaves_a_try_clean_if_it_came_at_rest() -> None:
    """A leak is told after the operations; a crash before this finding's time hides it."""
    tally = Tally("mine")
    for number, kind in enumerate((Kind.LEAK, Kind.CRASH), 1):
        for event in (
            dataclasses.replace(sighted(number, number), kind=kind),
            kept(number, "other"),
            ended(number),
        ):
            tally.see(event)
    result = tally.result()
    assert (result.tries, result.cut, result.clean) == (2, 1, 1)


@pytest.mark.parametrize("crash", [False, True])
def test_enough_is_asked_after_each_try_and_nothing_counts_after_it(crash: bool) -> None:
    """--until-hit: the next worker, which has begun already, is no try. A violation is told before its
    worker's end, a crash after it."""
    tally = Tally("mine", lambda so_far: so_far.hits > 0)
    told = [sighted(1, 2), kept(1, "mine")]
    second = [ended(2), *told] if crash else [*told, ended(2)]
    seen = []
    for event in (ended(1), *second, ended(3)):
        tally.see(event)
        seen.append(tally.has_enough)
    assert seen == [False, False, False, True, True]
    assert (tally.result().hits, tally.result().tries) == (1, 2)


def test_enough_tries_may_end_with_a_crash() -> None:
    """The last try is over when its crash has been told, within one turn of the loop."""
    tally = Tally("mine", lambda so_far: so_far.tries == 1)
    for event in (ended(1), sighted(1, 1), kept(1, "mine")):
        tally.see(event)
    assert tally.has_enough
    assert (tally.result().hits, tally.result().tries) == (1, 1)


def test_the_words_say_rate_interval_and_what_else_came() -> None:
    """For people: how often, how sure, how soon, and which other findings were kept."""
    words = Reproduced(
        finding="mine", hits=7, tries=20, first_after=4.25, different={"b": 2, "a": 1}
    ).in_words()
    assert words.splitlines() == [
        "brought back 7/20 (35 %, 95 % interval 18–57 %), first after 4.2 s",
        "a different finding came 1×, and was kept: a",
        "a different finding came 2×, and was kept: b",
    ]
