"""Shrinking keeps the failure and loses the rest."""

from __future__ import annotations

import random

import pytest

from soak.schedule.shrink import Deviations, shrink


@pytest.mark.parametrize("needed", [(), (3,), (3, 40), (0, 20, 59)])
def test_only_the_needed_deviations_stay(needed: tuple[int, ...]) -> None:
    everything = tuple((1, step, 2) for step in range(60))
    wanted = {(1, step, 2) for step in needed}
    best, spent = shrink(everything, lambda some: some if wanted <= set(some) else None)
    assert set(best) == wanted
    assert spent < 50


def test_no_more_replays_are_spent_than_allowed() -> None:
    calls = 0

    def fails(some: Deviations) -> Deviations | None:
        nonlocal calls
        calls += 1
        return some if random.Random(len(some)).random() < 0.5 else None

    _, spent = shrink(tuple((1, step, 2) for step in range(500)), fails, replays=10)
    assert spent == calls <= 10


def test_deviations_that_lost_their_moment_go_too() -> None:
    """What a replay did is what counts, not what it was asked for."""
    best, _ = shrink(tuple((1, step, 2) for step in range(8)), lambda some: some[:1] if some else None)
    assert len(best) == 1
