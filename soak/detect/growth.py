"""Leak by slope: memory that grows with every iteration, long after the warm-up.

Conservative on purpose, since a night of false alarms teaches people to look away: what counts is growth that
goes on in every third of the series behind the warm-up, clearly above the noise and of a minimal size. A
plateau, one step, a saturating cache and a sawtooth are none of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from soak.detect.slope import Trend, trend
from soak.events import Beat

#: At most so many points are kept per worker; when full, every other one is dropped.
POINTS = 200
#: Seconds of the worker's time between two looks.
LOOK_EVERY_S = 5.0
#: This part of the iterations is warm-up: caches fill, arenas grow, the first renderer comes.
WARM_UP = 1 / 3
#: Below so many points behind the warm-up only growth of `few` bytes is believed.
FEW_POINTS = 20
LEAST_POINTS = 6
LEAST_ITERATIONS = 8
#: A trend is believed when chance gives it once in so many looks; a run takes thousands of looks.
P_VALUE, P_VALUE_FEW = 1e-5, 1e-2
#: Growth must exceed the noise around the line by this factor.
OVER_NOISE = 5.0
#: The last third must grow at least at this part of the others' pace (a logarithm's does at 0.5), and
#: the others at least at this part of the last third's (a step's does at 0).
SUSTAINED, NOT_SUDDEN = 0.6, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A field of the beat; ``least`` is the smallest growth behind the warm-up that counts."""

    name: str
    words: str
    unit: str
    least: float
    least_of_few: float


#: In order of preference: one root cause shows in several, and the first ones say most.
METRICS = (
    Metric(name="heap", words="malloc's heap", unit="B", least=1e6, least_of_few=64e6),
    Metric(name="blocks", words="Python's allocated blocks", unit="", least=10_000, least_of_few=400_000),
    Metric(name="maps", words="memory mappings", unit="", least=100, least_of_few=400),
    Metric(name="rss", words="resident memory", unit="B", least=8e6, least_of_few=200e6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A metric that grows without end: per iteration, and from where to where behind the warm-up."""

    metric: Metric
    trend: Trend
    iterations: int
    first: float
    last: float


Point = tuple[float, float, float, float, float]


class Growth:
    """One worker's series of memory figures at rest, one point per beat, thinned evenly."""

    __slots__ = ("_looked_at", "_points", "_stride", "_until_next", "found")

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._stride = 1
        self._until_next = 0
        self._looked_at = 0.0
        self.found = False

    def add(self, beat: Beat) -> Grown | None:
        """Take a beat; says once per worker that something grows, looking every few seconds of its time."""
        if self.found:
            return None
        self._until_next -= 1
        if self._until_next <= 0:
            self._points.append((beat.iterations, beat.heap, beat.blocks, beat.maps, beat.rss))
            self._until_next = self._stride
            if len(self._points) > POINTS:
                self._points = self._points[::2]
                self._stride *= 2
        if beat.seconds - self._looked_at < LOOK_EVERY_S:
            return None
        self._looked_at = beat.seconds
        grown = self.look()
        self.found = grown is not None
        return grown

    def look(self) -> Grown | None:
        """The metric that grows, the most telling one first, or none."""
        return grows(self._points)


def grows(points: list[Point]) -> Grown | None:
    """The first of METRICS that grows in every third of what lies behind the warm-up."""
    if len(points) < LEAST_POINTS or points[-1][0] - points[0][0] < LEAST_ITERATIONS - 1:
        return None
    begin = points[0][0] + WARM_UP * (points[-1][0] - points[0][0])
    warm = [point for point in points if point[0] >= begin]
    if len(warm) < LEAST_POINTS:
        return None
    xs = [point[0] for point in warm]
    for column, metric in enumerate(METRICS, start=1):
        ys = [point[column] for point in warm]
        found = _grown(metric, xs, ys)
        if found:
            return found
    return None


def _grown(metric: Metric, xs: list[float], ys: list[float]) -> Grown | None:
    few = len(xs) < FEW_POINTS
    least = metric.least_of_few if few else metric.least
    if not _looks_grown(ys, least):
        return None
    whole = trend(xs, ys)
    span = xs[-1] - xs[0]
    rise = whole.slope * span
    if whole.low <= 0 or rise < max(least, OVER_NOISE * whole.noise):
        return None
    if whole.p_value > (P_VALUE_FEW if few else P_VALUE) or not _sustained(xs, ys):
        return None
    return Grown(metric=metric, trend=whole, iterations=round(span), first=ys[0], last=ys[-1])


def _looks_grown(ys: list[float], least: float) -> bool:
    """A linear look that spares healthy workers the quadratic one: do the medians of the thirds rise?"""
    third = len(ys) // 3
    low, middle, high = median(ys[:third]), median(ys[third:-third]), median(ys[-third:])
    # From the middle of the first third to the middle of the last, a line makes two thirds of its rise.
    return low < middle < high and (high - low) >= least * 0.5


def _sustained(xs: list[float], ys: list[float]) -> bool:
    third = (xs[-1] - xs[0]) / 3
    paces = []
    for part in range(3):
        low, high = xs[0] + part * third, xs[0] + (part + 1) * third
        inside = [index for index, x in enumerate(xs) if low <= x <= high]
        paces.append(_pace([xs[index] for index in inside], [ys[index] for index in inside]))
    first, second, last = paces
    return (
        min(paces) > 0 and last >= SUSTAINED * max(first, second) and min(first, second) >= NOT_SUDDEN * last
    )


def _pace(xs: list[float], ys: list[float]) -> float:
    """The slope of one third; of two points the line through them."""
    if len(xs) >= 3:
        return trend(xs, ys).slope
    return (ys[-1] - ys[0]) / (xs[-1] - xs[0]) if len(xs) == 2 and xs[0] != xs[1] else 0.0
