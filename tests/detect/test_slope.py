"""Robust trend statistics against published and hand-made values."""

from __future__ import annotations

import random

import pytest

from soak.detect.slope import trend


def test_line() -> None:
    """A line without noise has its own slope, an interval of no width and no noise."""
    xs = [float(x) for x in range(50)]
    found = trend(xs, [3.0 + 2.5 * x for x in xs])
    assert found.slope == found.low == found.high == pytest.approx(2.5)
    assert found.p_value < 1e-15
    assert found.noise == pytest.approx(0.0, abs=1e-9)


def test_sen_1968() -> None:
    """Sen's own example: a slope of 4, an interval from 26/7 (its neighbour, 15/4, at 95 %) to 35/8."""
    found = trend([1, 2, 3, 4, 10, 12, 18], [9, 15, 19, 20, 45, 55, 78])
    assert found.slope == pytest.approx(4.0, abs=0.01)
    assert found.low == pytest.approx(15 / 4)
    assert found.high == pytest.approx(35 / 8)


def test_mann_kendall_by_hand() -> None:
    """S = 8 of 5 points: variance 16.67, z = 7/4.08, p = 0.0865."""
    found = trend([1, 2, 3, 4, 5], [1, 2, 3, 5, 4])
    assert found.p_value == pytest.approx(0.0865, abs=0.0005)


def test_constant() -> None:
    """What never changes has no slope and no significance."""
    found = trend([1, 2, 3, 4], [5, 5, 5, 5])
    assert (found.slope, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_outliers() -> None:
    """A quarter of wild points does not move the slope much."""
    rng = random.Random(1)
    xs = [float(x) for x in range(100)]
    ys = [0.5 * x + rng.gauss(0, 1) + (1000 if rng.random() < 0.2 else 0) for x in xs]
    assert trend(xs, ys).slope == pytest.approx(0.5, abs=0.15)


def test_interval_covers() -> None:
    """The 95 % interval holds the true slope about 19 times in 20, over 200 seeded series."""
    covered = 0
    for seed in range(200):
        rng = random.Random(seed)
        xs = [float(x) for x in range(30)]
        found = trend(xs, [0.3 * x + rng.gauss(0, 2) for x in xs])
        covered += found.low <= 0.3 <= found.high
    assert 182 <= covered <= 198


@pytest.mark.parametrize(("xs", "ys"), [([], []), ([1.0], [1.0]), ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])])
def test_too_little(xs: list[float], ys: list[float]) -> None:
    """Of too few points there is no slope to tell."""
    with pytest.raises(ValueError, match="at least three points"):
        trend(xs, ys)
