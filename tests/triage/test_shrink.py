"""The passes of shrinking: what a bug needs stays, all else goes; by a made-up bug, without processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from soak.triage.shape import Shape
from soak.triage.shrink import SHORTEST_S, OutOfTime, Shrinker

START = Shape(
    operations=("a", "b", "c", "d", "e", "f"),
    threads={"a": 4, "b": 3, "c": 2, "d": 1},
    pool=3,
    nemeses=("kill", "pause"),
    seconds=8.0,
    rounds=None,
    perturb="heavy",
    target="",
)


def shrunk(
    needs: Callable[[Shape], bool], *models: str, slowest: float = 0.01, start: Shape = START
) -> Shape:
    """What is left of ``start`` where the finding comes if ``needs``."""
    shrinker = Shrinker(start, needs, lambda target: () if target else models)
    shrinker.shrink(slowest)
    return shrinker.shape


def test_what_needs_two_operations_keeps_two() -> None:
    """One thread each, no nemesis, no perturbation, one round, the least time."""
    small = shrunk(lambda shape: {"b", "e"} <= set(shape.operations))
    assert (small.operations, small.workforce, small.nemeses) == (("b", "e"), 2, ())
    assert (small.perturb, small.rounds, small.seconds) == ("none", 1, SHORTEST_S)


def test_what_needs_two_threads_keeps_two() -> None:
    """Of one operation: four are too many, one is too few."""
    small = shrunk(lambda shape: "a" in shape.operations and shape.threads["a"] >= 2)
    assert (small.operations, small.workforce) == (("a",), 2)


def test_what_needs_a_crowded_pool_keeps_it() -> None:
    """Two in the pool."""
    small = shrunk(lambda shape: "f" in shape.operations and shape.pool >= 2)
    assert (small.operations, small.pool, small.workforce) == (("f",), 2, 2)


def test_what_needs_trouble_keeps_it() -> None:
    """One nemesis of two, light perturbation, five rounds, two seconds."""
    small = shrunk(
        lambda shape: (
            "pause" in shape.nemeses
            and shape.perturb != "none"
            and (shape.rounds is None or shape.rounds >= 5)
            and shape.seconds >= 2.0
        )
    )
    assert (small.operations, small.nemeses, small.perturb) == ((), ("pause",), "light")
    assert (small.rounds, small.seconds) == (5, 2.0)


def test_the_smallest_model_that_will_do_is_taken() -> None:
    """They are offered the smallest first."""
    assert shrunk(lambda shape: shape.target != "sim:One", "sim:One", "sim:Two").target == "sim:Two"


def test_what_was_rejected_is_not_asked_again() -> None:
    """No candidate twice."""
    asked: list[Shape] = []

    def needs(shape: Shape) -> bool:
        assert shape not in asked
        asked.append(shape)
        return {"b", "e"} <= set(shape.operations)

    shrunk(needs)


def test_out_of_time_what_was_accepted_stands() -> None:
    """After three questions."""
    left = iter([True, True, True])

    def needs(shape: Shape) -> bool:
        if not next(left, False):
            raise OutOfTime
        return True

    shrinker = Shrinker(START, needs, lambda _target: ())
    with pytest.raises(OutOfTime):
        shrinker.shrink(0.01)
    assert shrinker.shape == dataclasses.replace(
        START, seconds=SHORTEST_S, nemeses=(), operations=(), threads=START.threads
    )
