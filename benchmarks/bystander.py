"""Code that is nobody's target: see ``schedule_cost``."""

from __future__ import annotations


class _Counter:
    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def add(self, key: int) -> None:
        self.counts[key] = self.counts.get(key, 0) + 1


def work(count: int) -> None:
    """Calls, attributes and a dictionary, ``count`` times."""
    counter = _Counter()
    for number in range(count):
        counter.add(number % 16)
