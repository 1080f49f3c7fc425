"""How long calls take: their spread, and whether one is held up by something else than a busy machine.

A machine that is busy holds up everybody. So a call is late only if it has taken longer than its limit *and*
somebody else, the ticker, came to his turn many times meanwhile: then it was not the processor that it waited
for. A call that never returns is told in the same way, while it is inside.

Standard library only.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from soak.author import always

#: So many ticks for each second of a limit show that the processor was to be had. The ticker tries for 200.
TICKS_PER_SECOND = 50
#: Buckets of the spread: eight to a doubling, hence figures are right to 9 %.
_PER_DOUBLING = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long ``count`` calls took, in seconds: half at most ``p50``, 99 of 100 at most ``p99``."""

    count: int
    p50: float
    p99: float
    longest: float

    def __str__(self) -> str:
        p50, p99, longest = (f"{1000 * each:.3g} ms" for each in (self.p50, self.p99, self.longest))
        return f"{self.count} calls: p50 {p50}, p99 {p99}, max {longest}"


class _Histogram:
    """Counts of durations by the logarithm of their length."""

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[math.ceil(_PER_DOUBLING * math.log2(max(seconds, 1e-7)))] += 1
        self.longest = max(self.longest, seconds)

    def spread(self) -> Spread:
        return Spread(
            count=self.buckets.total(), p50=self._below(0.5), p99=self._below(0.99), longest=self.longest
        )

    def _below(self, share: float) -> float:
        wanted, seen = share * self.buckets.total(), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return min(math.exp2(bucket / _PER_DOUBLING), self.longest)
        return 0.0


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that somebody is inside of."""

    name: str
    within: float
    promise: str
    began: float
    tick: int


class Pace:
    """Times calls by name. Thread-safe; :meth:`tick` is for one thread, some 200 times a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ticks = 0
        self._inside: dict[int, _Call] = {}
        self._histograms: dict[str, _Histogram] = {}

    @contextmanager
    def timed(self, name: str, promise: str, within: float) -> Iterator[None]:
        """``with`` it around a call that ``promise`` says to return ``within`` so many seconds."""
        me = threading.get_ident()
        outer = self._inside.get(me)
        call = self._inside[me] = _Call(name, within, promise, self._clock(), self._ticks)
        try:
            yield
        finally:
            seconds = self._clock() - call.began
            if outer is None:
                self._inside.pop(me, None)
            else:
                self._inside[me] = outer
            with self._lock:
                self._histograms.setdefault(name, _Histogram()).add(seconds)
            self._judge(call, seconds, "returned")

    def tick(self) -> bool:
        """The processor was to be had: look at the calls that go on. Returns whether none of them is late."""
        self._ticks += 1
        now = self._clock()
        calls = tuple(self._inside.values())
        return all(self._judge(call, now - call.began, "inside") for call in calls)

    def spread(self) -> dict[str, Spread]:
        """How long calls took so far, by name."""
        with self._lock:
            return {name: histogram.spread() for name, histogram in self._histograms.items()}

    def _judge(self, call: _Call, seconds: float, state: str) -> bool:
        ticks = self._ticks - call.tick
        late = seconds > call.within and ticks >= TICKS_PER_SECOND * call.within
        return always(
            not late, call.promise, call=call.name, seconds=round(seconds, 3), ticks=ticks, state=state
        )
