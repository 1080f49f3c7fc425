"""Two loops that take turns, so that a machine that is slower now and faster then is so for both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Slices:
    """Work in a thread of its own, a slice at a time; ``spent`` seconds were spent in slices."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.spent = self._began = 0.0
        self._work = work
        self._turn, self._done = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._run, daemon=True).start()

    def clock(self) -> float:
        """The time as this work knows it: it stands while others have their turn."""
        return self.spent + time.perf_counter() - self._began

    def slice(self) -> None:
        """Have the thread do its work once more.

        Raises:
            TimeoutError: it has not come back within a minute.
        """
        self._turn.release()
        if not self._done.acquire(timeout=60):
            raise TimeoutError("a slice of work has not ended within a minute")

    def _run(self) -> None:
        while True:
            self._turn.acquire()
            self._began = time.perf_counter()
            self._work()
            self.spent += time.perf_counter() - self._began
            self._done.release()
