"""What the author said to have taken so long, by name, until a beat tells it. Standard library only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from soak.timing import Spread, Took

#: Seconds between two beats that tell it: it is long, and only the last one counts.
EVERY = 10.0
#: A name with a number in it would make thousands.
_MOST_NAMES = 32


class Stopwatch:
    """Spreads by name, of the whole worker. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._spreads: dict[str, Spread] = {}
        self._told_at = -EVERY
        self.has_news = False

    def took(self, what: str, seconds: float) -> None:
        """Count one more; further names than a report can show are passed over."""
        spread = self._spreads.get(what)
        if spread is None:
            with self._lock:
                if what not in self._spreads and len(self._spreads) >= _MOST_NAMES:
                    return
                spread = self._spreads.setdefault(what, Spread())
        spread.add(seconds)
        self.has_news = True

    def tell(self, *, now: bool = False) -> dict[str, Took]:
        """All spreads, if there is news and it is time to tell them, or ``now``; else nothing."""
        if not self.has_news or not (now or self._clock() - self._told_at >= EVERY):
            return {}
        self._told_at = self._clock()
        self.has_news = False
        with self._lock:
            return {what: spread.took() for what, spread in self._spreads.items()}
