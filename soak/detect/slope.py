"""Robust trend statistics: Theil–Sen slope with Sen's interval, and the Mann–Kendall test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The slope of a series: units of y per unit of x, its 95 % interval, and how unlikely without a trend.

    ``p_value`` is two-sided. ``noise`` is the spread of what the line leaves over, in units of y, as a
    standard deviation estimated from the median absolute deviation.
    """

    slope: float
    low: float
    high: float
    p_value: float
    noise: float


def trend(xs: Sequence[float], ys: Sequence[float]) -> Trend:
    """The Theil–Sen slope of ``ys`` over ``xs``. Quadratic in their number: hand in at most some hundred.

    Raises:
        ValueError: fewer than three points, or all at one x.
    """
    count = len(xs)
    slopes, score = _pairs(xs, ys)
    if count < 3 or not slopes:
        raise ValueError(f"expected at least three points at different x, got {count} points")
    slopes.sort()
    spread = math.sqrt(_variance(ys))
    # Sen 1968: the interval's ends are the slopes whose ranks lie z·σ/2 pairs to either side of the middle.
    reach = NormalDist().inv_cdf(0.975) * spread
    low = slopes[max(0, round((len(slopes) - reach) / 2))]
    high = slopes[min(len(slopes) - 1, round((len(slopes) + reach) / 2))]
    slope = median(slopes)
    rests = [y - slope * x for x, y in zip(xs, ys, strict=True)]
    centre = median(rests)
    z = 0.0 if spread == 0.0 else max(0.0, abs(score) - 1) / spread
    return Trend(
        slope=slope,
        low=low,
        high=high,
        p_value=math.erfc(z / math.sqrt(2)),
        noise=1.4826 * median(abs(rest - centre) for rest in rests),
    )


def _pairs(xs: Sequence[float], ys: Sequence[float]) -> tuple[list[float], int]:
    slopes: list[float] = []
    score = 0
    for index, (x0, y0) in enumerate(zip(xs, ys, strict=True)):
        for other in range(index + 1, len(xs)):
            run = xs[other] - x0
            rise = ys[other] - y0
            score += (rise > 0) - (rise < 0)
            if run:
                slopes.append(rise / run)
    return slopes, score


def _variance(ys: Sequence[float]) -> float:
    """The variance of Mann–Kendall's S, with the correction for ties."""
    count = len(ys)
    ties: dict[float, int] = {}
    for y in ys:
        ties[y] = ties.get(y, 0) + 1
    total = count * (count - 1) * (2 * count + 5)
    return (total - sum(tied * (tied - 1) * (2 * tied + 5) for tied in ties.values())) / 18
