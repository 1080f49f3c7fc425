"""A failing schedule keeps failing in an order with fewer switches, at lines where opcodes are not needed."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import soak
from soak.schedule.conductor import Conductor, Entry, Mark
from soak.schedule.outcome import Failure, Kind, Over
from soak.schedule.places import Place
from soak.schedule.points import Granularity
from soak.schedule.shrink import size_of
from soak.schedule.simplify import Script, scripts
from soak.schedule.stage import Stage
from soak.schedule.strategies import Board, Follow, RandomWalk
from soak.schedule.target import Target
from soak.schedule.units import Reader, by_thread, causes
from tests.schedule import kernels

LIMIT = 5000
WALKS = 60


def _place(line: int, *, reads: str = "", writes: str = "") -> Place:
    return Place(
        file="a.py",
        line=line,
        offset=-1,
        function="f",
        reads=frozenset(reads.split()),
        writes=frozenset(writes.split()),
    )


def _failed(log: list[Entry], task: int) -> Conductor:
    conductor = Conductor(Follow(), limit=LIMIT)
    conductor.log = log
    conductor.over = Over(failure=Failure(kind=Kind.ERROR, words="", task=task))
    return conductor


#: Threads 1 and 2 take turns at every line, but only the second line of each touches what the other does.
TURNS: list[Entry] = [
    (1, Mark.SYNC, "start of 1"),
    (1, Mark.POINT, _place(1, writes="own")),
    (2, Mark.SYNC, "start of 2"),
    (2, Mark.POINT, _place(11, writes="other")),
    (1, Mark.BACK, None),
    (1, Mark.POINT, _place(2, writes="shared")),
    (2, Mark.BACK, None),
    (2, Mark.POINT, _place(12, reads="shared")),
    (1, Mark.BACK, None),
    (1, Mark.POINT, _place(3, writes="own")),
    (2, Mark.BACK, None),
]


def test_a_unit_needs_what_touched_the_same_before() -> None:
    """Where a switch came at a point, the line itself ran when its thread went on."""
    units = Reader(translate=False).read(TURNS)
    (write,) = [unit for unit in units if (unit.task, unit.step) == (1, 2)]
    (read,) = [unit for unit in units if (unit.task, unit.step) == (2, 2)]
    assert read.needs == {write}
    assert not any(unit.needs for unit in units if unit not in (read,) and unit.task == 2)


def test_only_causes_are_kept() -> None:
    """What comes after the last thing that the failing thread needed is none."""
    units = Reader(translate=False).read(TURNS)
    threads = by_thread(units)
    kept = causes(threads, [threads[2][-1]])
    assert {(unit.task, unit.step) for unit in kept} == {(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)}


def test_threads_go_on_as_long_as_they_can() -> None:
    """Six switches become one: the writer as far as it matters, then the reader."""
    log = [(0, Mark.SYNC, "start of 0"), *TURNS]
    best = scripts(_failed(log, task=2), Granularity.LINE, Granularity.LINE)[0]
    assert [task for task, _ in best.turns if task] in ([1, 2], [2, 1, 2])


def test_a_script_says_itself() -> None:
    script = Script([(0, 3), (2, 0), (1, 7)])
    assert str(script) == "~turns.0-3_2-0_1-7"
    assert Script.parse("0-3_2-0_1-7").turns == script.turns


@pytest.mark.parametrize(
    "kernel",
    [kernels.lost_update, kernels.crossed_locks, kernels.checked_submit],
    ids=lambda one: one.__name__,
)
def test_what_a_walk_between_opcodes_finds_is_told_in_lines(kernel: Callable[[], None]) -> None:
    """Of its orders at lines, the first that fails has less than half of the walk's preemptions."""
    with Stage(kernel, Target.of([kernels], kernel), seed=0) as stage:
        for number in range(WALKS):
            walk = stage.run(
                RandomWalk(Board(), random.Random(number)),
                granularity=Granularity.OPCODE,
                limit=LIMIT,
                recording=True,
            )
            if walk.over and walk.over.failure:
                break
        else:
            raise AssertionError(f"no failure in {WALKS} walks")
        for script in scripts(walk, Granularity.OPCODE, Granularity.LINE):
            again = stage.run(script, granularity=Granularity.LINE, limit=LIMIT)
            if again.over and again.over.failure:
                assert again.over.failure.kind is walk.over.failure.kind
                assert 2 * size_of(tuple(again.deviations))[0] < size_of(tuple(walk.deviations))[0]
                return
    raise AssertionError("no order at lines fails")


def test_a_token_of_turns_brings_the_schedule_back() -> None:
    """What is on disk before an order is tried replays as any other token does."""
    tokens: list[str] = []
    soak.race(kernels.checked_submit, target=[kernels], schedules=200, before=tokens.append)
    tried = [token for token in tokens if "~turns." in token]
    assert tried
    again = soak.replay(kernels.checked_submit, tried[-1])
    assert again.token is not None
    assert soak.replay(kernels.checked_submit, again.token).exact
