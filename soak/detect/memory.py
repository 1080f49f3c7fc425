"""Leak: memory that grows with the iterations, told once per worker."""

from __future__ import annotations

from soak.detect.clue import Clue
from soak.detect.growth import Grown, Growth, Metric
from soak.detect.words import amount, size
from soak.events import Beat, Kind


def growing(beat: Beat, growth: Growth) -> Clue | None:
    """The growth that this beat brought to light, if any. ``growth`` is the worker's series."""
    grown = growth.add(beat)
    return None if grown is None else _clue(grown, beat.iteration)


def _clue(grown: Grown, iteration: int) -> Clue:
    def say(value: float) -> str:
        return _say(grown.metric, value)

    slope = grown.trend
    return Clue(
        kind=Kind.LEAK,
        title=f"memory grows by {say(slope.slope)} per iteration ({grown.metric.words})",
        promise="memory",
        detail=f"{grown.metric.words} went from {say(grown.first)} to {say(grown.last)} in"
        f" {grown.iterations} iterations: {say(slope.slope)} each"
        f" (95 % interval {say(slope.low)} to {say(slope.high)}), after a warm-up",
        iteration=iteration,
    )


def _say(metric: Metric, value: float) -> str:
    return size(value) if metric.unit == "B" else amount(value)
