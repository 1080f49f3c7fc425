"""The supervisor's one thread: a selector, timers, and nothing that blocks."""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
from collections.abc import Callable
from typing import Any

_LONGEST_WAIT_S = 1.0


class Timer:
    """A call that is due; :meth:`cancel` takes it back."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None] | None) -> None:
        self.due = due
        self.call = call

    def cancel(self) -> None:
        self.call = None


class Loop:
    """Calls back when a descriptor is readable or a time has come. Not thread-safe: it is the only thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._serial = itertools.count()

    def close(self) -> None:
        self._selector.close()

    def on_readable(self, fd: int, call: Callable[[], None]) -> None:
        """Call ``call`` whenever ``fd`` is readable (a pidfd: when the process has ended)."""
        self._selector.register(fd, selectors.EVENT_READ, call)

    def forget(self, fd: int) -> None:
        """Stop watching ``fd``; call this before closing it. Unknown descriptors are fine."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call ``call`` once, ``seconds`` from now."""
        timer = Timer(self.clock() + seconds, call)
        heapq.heappush(self._timers, (timer.due, next(self._serial), timer))
        return timer

    def run_until(self, done: Callable[[], bool]) -> None:
        """Serve until ``done()``."""
        while not done():
            for key, _mask in self._selector.select(self._wait()):
                # An earlier callback of this round may have forgotten this one's descriptor.
                if key.fd in self._selector.get_map():
                    call: Any = key.data
                    call()
            self._fire()

    def _wait(self) -> float:
        if not self._timers:
            return _LONGEST_WAIT_S
        return min(_LONGEST_WAIT_S, max(0.0, self._timers[0][0] - self.clock()))

    def _fire(self) -> None:
        now = self.clock()
        while self._timers and self._timers[0][0] <= now:
            _due, _serial, timer = heapq.heappop(self._timers)
            if timer.call is not None:
                timer.call()
