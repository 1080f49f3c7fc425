"""Leak by slope: memory that grows with every iteration, long after the warm-up.

Conservative on purpose, since a night of false alarms teaches people to look away. What counts is growth that
goes on steadily, block after block of what lies behind the warm-up, at no falling pace, of a minimal size. A
plateau, some steps, a cache that saturates, a sawtooth and a random walk are none of these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median, stdev

from soak.detect.slope import Trend, trend
from soak.events import Beat

#: At most so many points are kept per worker; when full, every other one is dropped.
POINTS = 200  # even, so that thinning keeps the newest
#: Seconds of the worker's time between two looks.
LOOK_EVERY_S = 5.0
#: This part of the iterations is warm-up, and at least these seconds: caches fill, arenas grow.
WARM_UP, WARM_UP_S = 1 / 3, 20.0
LEAST_POINTS = 6
LEAST_ITERATIONS = 8
#: A metric's least growth counts from so many iterations on behind the warm-up; of fewer, more is asked.
ITERATIONS, FEWER_ASK_MORE = 200, 1.2
#: Growth of so many times the least does not wait for the end of the warm-up: memory may be full by then.
URGENT = 100
#: The series is judged by the medians of so many blocks; of few points, of fewer.
BLOCKS, BLOCKS_OF_FEW, FEW_POINTS = 8, 6, 24
#: Once one metric has grown, another may name the leak that has grown by this part of its least.
TELLING = 0.5
#: Student's t of the steps from block to block: chance reaches it about once in thirty thousand looks.
STEADY = 10.0
#: The second half's pace against the first's: a logarithm's falls to 0.58, a cache's further.
SUSTAINED = 0.75
#: Mann–Kendall's p-value; six points in a row reach no less than 0.0085.
P_VALUE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A field of the beat; ``least`` is the smallest growth behind the warm-up that counts."""

    name: str
    words: str
    unit: str
    least: float


#: In order of preference: one root cause shows in several, and the first ones say most. Resident memory
#: comes last and asks for more: a correct renderer's creeps, by 0.5 MB per iteration, while the heap is flat.
METRICS = (
    Metric(name="heap", words="malloc's heap", unit="B", least=2e6),
    Metric(name="blocks", words="Python's allocated blocks", unit="", least=20_000),
    Metric(name="maps", words="memory mappings", unit="", least=100),
    Metric(name="rss", words="resident memory", unit="B", least=20e6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A metric that grows without end: per iteration, and from where to where behind the warm-up."""

    metric: Metric
    trend: Trend
    iterations: int
    first: float
    last: float


#: Iterations, then the metrics in the order of METRICS.
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
            if len(self._points) > POINTS:
                self._points = self._points[::2]
                self._stride *= 2
            self._until_next = self._stride
        if beat.seconds - self._looked_at < LOOK_EVERY_S:
            return None
        self._looked_at = beat.seconds
        grown = grows(self._points, beat.seconds)
        self.found = grown is not None
        return grown


def grows(points: list[Point], seconds: float) -> Grown | None:
    """The first of METRICS that grows steadily behind the warm-up, ``seconds`` after the start."""
    if len(points) < LEAST_POINTS or points[-1][0] - points[0][0] < LEAST_ITERATIONS - 1:
        return None
    begin = points[0][0] + WARM_UP * (points[-1][0] - points[0][0])
    warm = [point for point in points if point[0] >= begin]
    if len(warm) < LEAST_POINTS or warm[0][0] == warm[-1][0]:
        return None
    xs, *columns = (list(column) for column in zip(*warm, strict=True))
    factor = max(1.0, ITERATIONS / (xs[-1] - xs[0])) ** FEWER_ASK_MORE
    if seconds < WARM_UP_S:
        factor = max(factor, URGENT)
    series = list(zip(METRICS, columns, strict=True))
    if not any(_grows(metric, xs, ys, factor) for metric, ys in series):
        return None
    # Something grows for certain; a more telling metric need not have come as far to name it.
    named = (_rises(metric, xs, ys, factor * TELLING) for metric, ys in series)
    return next(grown for grown in named if grown)


def _grows(metric: Metric, xs: list[float], ys: list[float], factor: float) -> bool:
    """Whether a metric grows beyond doubt, by ``factor`` times its least growth or more."""
    levels = _levels(xs, ys)
    # The levels are cheap and spare healthy workers the trend, which takes the square of the points.
    enough = levels[-1] - levels[0] >= 0.8 * metric.least * factor
    return enough and is_steady(levels) and _rises(metric, xs, ys, factor) is not None


def _rises(metric: Metric, xs: list[float], ys: list[float], factor: float) -> Grown | None:
    whole = trend(xs, ys)
    span = xs[-1] - xs[0]
    if whole.low <= 0 or whole.p_value > P_VALUE or whole.slope * span < metric.least * factor:
        return None
    return Grown(metric=metric, trend=whole, iterations=round(span), first=ys[0], last=ys[-1])


def _levels(xs: list[float], ys: list[float]) -> list[float]:
    """The median of each block of the series; blocks are equally long in iterations, and none is empty."""
    count = BLOCKS if len(xs) >= FEW_POINTS else BLOCKS_OF_FEW
    width = (xs[-1] - xs[0]) / count or 1.0
    blocks: list[list[float]] = [[] for _ in range(count)]
    for x, y in zip(xs, ys, strict=True):
        blocks[min(count - 1, int((x - xs[0]) / width))].append(y)
    return [median(block) for block in blocks if block]


def is_steady(levels: list[float]) -> bool:
    """Whether the levels climb with every block, evenly, and no slower in the end than in the beginning."""
    steps = [after - before for before, after in pairwise(levels)]
    if len(steps) < 4 or min(steps) <= 0:
        return False
    spread = stdev(steps)
    if spread and fmean(steps) * math.sqrt(len(steps)) < STEADY * spread:
        return False
    half = len(steps) // 2
    return fmean(steps[-half:]) >= SUSTAINED * fmean(steps[:half])
