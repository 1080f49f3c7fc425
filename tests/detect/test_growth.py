"""The leak detector on seeded series: no false alarm over many seeds, every planted slope found."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from soak.detect import Detective
from soak.detect.growth import POINTS, Grown, Growth
from soak.events import Beat, Kind, WorkerStarted
from tests.detect.samples import sample

#: What an iteration adds to heap, blocks, maps and resident memory.
Extra = Callable[[int], tuple[float, float, float, float]]

SEEDS = range(25)


def _nothing(_iteration: int) -> tuple[float, float, float, float]:
    return 0, 0, 0, 0


def _beats(rng: random.Random, iterations: int, seconds: float, extra: Extra = _nothing) -> Iterator[Beat]:
    """Beats of a worker with a warm-up and noise like MuJoCo's, at most four a second."""
    told = -1.0
    for iteration in range(iterations):
        now = (iteration + 1) * seconds
        if now - told < 0.25:
            continue
        told = now
        warm_up = 6e6 * (1 - math.exp(-now / 6))
        heap, blocks, maps, rss = extra(iteration)
        yield sample(
            Beat,
            t=now,
            iteration=iteration,
            iterations=iteration + 1,
            seconds=now,
            heap=int(50e6 + warm_up + heap + rng.gauss(0, 20e3)),
            blocks=int(60e3 + warm_up / 100 + blocks + rng.gauss(0, 50)),
            maps=int(300 + maps + rng.gauss(0, 2)),
            rss=int(200e6 + warm_up + rss + rng.gauss(0, 1.5e6)),
        )


def _find(beats: Iterator[Beat]) -> tuple[int, Grown] | None:
    growth = Growth()
    for beat in beats:
        grown = growth.add(beat)
        if grown:
            return beat.iterations, grown
    return None


def _everywhere(size: float) -> tuple[float, float, float, float]:
    return size, size / 100, size / 1e5, size


def _steps(rng: random.Random, iterations: int) -> Extra:
    steps = [(rng.randrange(iterations), rng.uniform(1e6, 6e6)) for _ in range(3)]
    return lambda i: _everywhere(sum(size for at, size in steps if at <= i))


def _random_walk(rng: random.Random, iterations: int) -> Extra:
    walk = [0.0]
    for _ in range(iterations):
        walk.append(walk[-1] + rng.gauss(0, 60e3))
    return lambda i: _everywhere(walk[i])


HARMLESS: dict[str, Callable[[random.Random, int], Extra]] = {
    "noise": lambda _rng, _n: _nothing,
    "three steps": _steps,
    "random walk": _random_walk,
    "logarithm": lambda _rng, _n: lambda i: _everywhere(2e6 * math.log(1 + i)),
    "doubling": lambda _rng, _n: lambda i: _everywhere(64e3 * 2 ** int(math.log2(1 + i))),
    "sawtooth": lambda _rng, _n: lambda i: _everywhere((i % 60) * 80e3),
    "creeping resident memory": lambda _rng, _n: lambda i: (0, 0, 0, 0.6e6 * min(i, 60)),
    "full cache": lambda _rng, _n: lambda i: _everywhere(min(i, 90) * 100e3),
}


@pytest.mark.parametrize(("iterations", "seconds"), [(600, 0.1), (1500, 0.04), (300, 5.0), (12, 5.0)])
@pytest.mark.parametrize("shape", HARMLESS)
def test_no_false_alarm(shape: str, iterations: int, seconds: float) -> None:
    """Noise, steps, walks, logarithms, teeth and caches that fill are no leak, with any of the seeds."""
    for seed in SEEDS:
        rng = random.Random(seed)
        extra = HARMLESS[shape](rng, iterations)
        assert _find(_beats(rng, iterations, seconds, extra)) is None, f"seed {seed}"


@pytest.mark.parametrize("seconds", [0.05, 0.1, 5.0])
@pytest.mark.parametrize("every", [1, 10])
def test_ten_kilobytes_per_iteration(every: int, seconds: float) -> None:
    """10 kB per iteration, even as 100 kB in every tenth, are found in 600 iterations or 35 s, as heap."""
    for seed in SEEDS:
        rng = random.Random(seed)
        found = _find(_beats(rng, 700, seconds, lambda i: _everywhere(10e3 * every * (i // every))))
        assert found is not None, f"seed {seed}"
        iterations, grown = found
        assert iterations <= max(600, 35 / seconds)
        assert grown.metric.name == "heap"
        # The warm-up's tail adds to the slope of the early iterations.
        assert 9e3 <= grown.trend.slope <= 20e3
        assert 0 < grown.trend.low <= grown.trend.slope <= grown.trend.high


@pytest.mark.parametrize("seconds", [0.5, 2.0, 5.0])
def test_renderers_never_closed(seconds: float) -> None:
    """100 MB per iteration are found within twenty iterations or twenty seconds."""
    for seed in SEEDS:
        found = _find(_beats(random.Random(seed), 40, seconds, lambda i: (0, 0, 0, 100e6 * i)))
        assert found is not None, f"seed {seed}"
        assert found[0] <= max(20, math.ceil(20 / seconds))
        assert found[1].metric.name == "rss"


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("heap", lambda i: (20e3 * i, 200 * i, i, 20e3 * i)),
        ("blocks", lambda i: (0, 200 * i, i, 20e3 * i)),
        ("maps", lambda i: (0, 0, i, 20e3 * i)),
        ("rss", lambda i: (0, 0, 0, 60e3 * i)),
    ],
)
def test_the_most_telling_metric_is_told(name: str, extra: Extra) -> None:
    """One root cause that shows in several metrics is told by the first of heap, blocks, maps, rss."""
    found = _find(_beats(random.Random(3), 1000, 0.1, extra))
    assert found is not None
    assert found[1].metric.name == name


def test_told_once_per_worker() -> None:
    """A leak that goes on is one sighting per worker, and one more in the next worker."""
    detective = Detective()
    for worker in (1, 2):
        detective.feed(sample(WorkerStarted, worker=worker))
        beats = _beats(random.Random(5), 2000, 0.05, lambda i: _everywhere(50e3 * i))
        sightings = [
            sighted
            for beat in beats
            for sighted in detective.feed(sample(Beat, **(_fields(beat) | {"worker": worker})))
        ]
        assert [(sighted.kind, sighted.promise, sighted.worker) for sighted in sightings] == [
            (Kind.LEAK, "memory", worker)
        ]
        assert sightings[0].title.startswith("memory grows by 5")
        assert "kB per iteration (malloc's heap)" in sightings[0].title


def test_series_is_bounded() -> None:
    """However long a worker lives, its series keeps a few hundred points, spread over all of its life."""
    growth = Growth()
    for beat in _beats(random.Random(1), 20_000, 0.25):
        growth.add(beat)
    points = growth._points
    assert POINTS / 2 <= len(points) <= POINTS
    assert points[0][0] == 1
    assert points[-1][0] > 19_800
    gaps = {after[0] - before[0] for before, after in pairwise(points)}
    assert len(gaps) == 1


def _fields(beat: Beat) -> dict[str, object]:
    return {name: getattr(beat, name) for name in Beat.__dataclass_fields__}
