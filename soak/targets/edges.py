"""Which transitions a call met: the starts, stops and ends of policies that went on at the same time.

Standard library only.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping


class Edges:
    """Counts transitions, so that a call can be told which of them it met. Thread-safe.

    An edge is counted by its name and by its name with the robot's, as in "start" and "start left".
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()

    def begin(self, edge: str, robot: str) -> None:
        with self._lock:
            self._begun[edge] += 1
            self._begun[f"{edge} {robot}"] += 1

    def end(self, edge: str, robot: str) -> None:
        with self._lock:
            self._ended[edge] += 1
            self._ended[f"{edge} {robot}"] += 1

    def passed(self, edge: str, robot: str) -> None:
        """A transition that takes no time."""
        self.begin(edge, robot)
        self.end(edge, robot)

    def over(self) -> Mapping[str, int]:
        """How many of each are over: to be handed to the other methods after a call."""
        with self._lock:
            return dict(self._ended)

    def met(self, over: Mapping[str, int]) -> frozenset[str]:
        """The transitions that were going on at some time since ``over`` was taken."""
        with self._lock:
            return frozenset(edge for edge, begun in self._begun.items() if begun > over.get(edge, 0))

    def contended(self, over: Mapping[str, int], edge: str) -> bool:
        """Whether the caller's own was not the only ``edge`` going on since ``over`` was taken."""
        with self._lock:
            return self._begun[edge] > over.get(edge, 0) + 1
