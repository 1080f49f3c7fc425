"""Shrinks a scenario that shows a finding: pass after pass, as long as one makes it smaller.

What holds is somebody else's question: ``holds`` answers it, by tries, and raises :class:`OutOfTime` at the
end of the budget; whatever was accepted last then stands.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from soak.triage.ddmin import ddmin
from soak.triage.shape import LEVELS, Shape

#: Calls per thread that are tried, the fewest first.
ROUNDS = (1, 2, 5, 10, 30, 100, 300, 1000)
#: An iteration's operations run no shorter than this, in seconds; so long, hits are not waited for.
SHORTEST_S = 0.25
#: The time that the slowest hit took, so many times: what is faster on this machine is slower on the next.
_ROOM = 3.0
_PASSES = 3


class OutOfTime(Exception):
    """The budget is spent: what was accepted so far stands."""


class Shrinker:
    """Holds the smallest ``shape`` that was accepted so far, and makes it smaller."""

    def __init__(
        self, shape: Shape, holds: Callable[[Shape], bool], models: Callable[[str], Sequence[str]]
    ) -> None:
        """``models`` names the smaller targets than a given one, the smallest first."""
        self.shape = shape
        self._holds = holds
        self._models = models
        self._rejected: list[Shape] = []

    def shrink(self, slowest: float) -> None:
        """Try all that makes it smaller, until nothing does. ``slowest`` in seconds: how late a hit comes.

        Raises:
            OutOfTime: the budget is spent before.
        """
        self.shorten(slowest)
        for _ in range(_PASSES):
            before = self.shape
            self._drop("nemeses")
            self._drop("operations")
            self._fewer_threads()
            self._calmer()
            self._fewer_rounds()
            self._smaller_model()
            self._halve_seconds()
            if self.shape == before:
                return

    def shorten(self, slowest: float) -> None:
        """Less time first: all that follows is quicker then."""
        seconds = max(SHORTEST_S, math.ceil(10 * _ROOM * slowest) / 10)
        if seconds < self.shape.seconds:
            self._accepts(seconds=seconds)

    def _drop(self, part: str) -> None:
        def holds(names: tuple[str, ...]) -> bool:
            return self._accepts(**{part: names})

        ddmin(getattr(self.shape, part), holds)

    def _fewer_threads(self) -> None:
        shape = self.shape
        crowded = [name for name in shape.operations if shape.threads.get(name, 1) > 1]
        pool = {"pool": 1} if shape.has_pool and shape.pool > 1 else {}
        if len(crowded) + len(pool) > 1 and self._accepts(**pool, threads=_alone(shape, crowded)):
            return
        for name in crowded:
            _fewest(self.shape.threads[name], functools.partial(self._with_threads, name))
        if pool:
            _fewest(shape.pool, lambda count: self._accepts(pool=count))

    def _with_threads(self, name: str, count: int) -> bool:
        return self._accepts(threads={**self.shape.threads, name: count})

    def _calmer(self) -> None:
        for level in LEVELS[LEVELS.index(self.shape.perturb) + 1 :]:
            if not self._accepts(perturb=level):
                return

    def _fewer_rounds(self) -> None:
        have = self.shape.rounds
        fewer = [rounds for rounds in ROUNDS if have is None or rounds < have]
        next((rounds for rounds in fewer if self._accepts(rounds=rounds)), None)

    def _smaller_model(self) -> None:
        next((target for target in self._models(self.shape.target) if self._accepts(target=target)), None)

    def _halve_seconds(self) -> None:
        while self.shape.seconds > SHORTEST_S:
            if not self._accepts(seconds=max(SHORTEST_S, round(self.shape.seconds / 2, 2))):
                return

    def _accepts(self, **changes: Any) -> bool:
        candidate = dataclasses.replace(self.shape, **changes)
        if candidate == self.shape:
            return True
        if candidate in self._rejected:
            return False
        if not self._holds(candidate):
            self._rejected.append(candidate)
            return False
        self.shape = candidate
        return True


def _alone(shape: Shape, crowded: Sequence[str]) -> dict[str, int]:
    return {**shape.threads, **dict.fromkeys(crowded, 1)}


def _fewest(have: int, accepts: Callable[[int], bool]) -> None:
    """The fewest of ``have`` that are accepted, if more are, where fewer are not: one, or by halves."""
    if have < 2 or accepts(1):
        return
    low, high = 1, have
    while high - low > 1:
        middle = (low + high) // 2
        if accepts(middle):
            high = middle
        else:
            low = middle
