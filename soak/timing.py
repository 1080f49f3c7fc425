"""How long things take: a spread that can be added up over threads and workers.

Standard library only.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

#: Buckets to a doubling: figures are right to 9 %, for a bucket's middle stands for all that is in it.
_PER_DOUBLING = 4
_SHORTEST = 1e-9  # seconds: no clock tells less


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """How long ``count`` calls took: the ``longest`` in seconds, all by the logarithm of their length."""

    count: int
    longest: float
    buckets: dict[str, int] = field(default_factory=dict)

    def at(self, share: float) -> float:
        """So many seconds did the quickest ``share`` of the calls take at most: 0.5 for half of them."""
        wanted, seen = share * self.count, 0
        for bucket, count in sorted((int(bucket), count) for bucket, count in self.buckets.items()):
            seen += count
            if seen >= wanted:
                return min(math.exp2((bucket - 0.5) / _PER_DOUBLING), self.longest)
        return self.longest

    def __str__(self) -> str:
        spread = (("p50", self.at(0.5)), ("p99", self.at(0.99)), ("max", self.longest))
        return ", ".join(f"{name} {say_seconds(seconds)}" for name, seconds in spread)


class Spread:
    """Counts durations. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: Counter[int] = Counter()
        self._longest = 0.0

    def add(self, seconds: float) -> None:
        bucket = math.ceil(_PER_DOUBLING * math.log2(max(seconds, _SHORTEST)))
        with self._lock:
            self._buckets[bucket] += 1
            self._longest = max(self._longest, seconds)

    def took(self) -> Took:
        """What was counted so far."""
        with self._lock:
            buckets = {str(bucket): count for bucket, count in sorted(self._buckets.items())}
            return Took(count=self._buckets.total(), longest=self._longest, buckets=buckets)


def add_up(parts: Iterable[Took]) -> Took:
    """All of these together."""
    buckets: Counter[str] = Counter()
    count, longest = 0, 0.0
    for part in parts:
        buckets.update(part.buckets)
        count += part.count
        longest = max(longest, part.longest)
    return Took(count=count, longest=longest, buckets=dict(buckets))


def say_seconds(seconds: float) -> str:
    """``12.3 µs``, ``4.56 ms``, ``1.20 s``."""
    for unit, scale in (("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            return f"{_three_digits(seconds / scale)} {unit}"
    return f"{_three_digits(seconds)} s"


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
