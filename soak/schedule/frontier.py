"""Schedules that met something new, and what lies one more switch behind them.

A schedule is interesting if in it a racing access followed another thread's that it never followed before;
from the interesting ones, later decisions are changed, one at a time. After Wolff, Shi, Duck, Mathur,
Roychoudhury, Greybox fuzzing for concurrency testing, ASPLOS 2024 (the feedback), and Musuvathi, Qadeer,
Iterative context bounding, PLDI 2007 (few switches first).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from soak.schedule.conductor import Conductor
from soak.schedule.outcome import Deviation
from soak.schedule.places import Place
from soak.schedule.strategies import Board
from soak.schedule.sweep import alternatives

DEPTHS = (1, 2, 3, 4)
WEIGHTS = (8, 4, 2, 1)
"""How likely an extension of a schedule of one, two, three, four or more switches is."""

Deviations = tuple[Deviation, ...]


class Frontier:
    """Extensions that have not been tried, by the number of switches in the schedule that they extend."""

    def __init__(self, board: Board, rng: random.Random) -> None:
        self._board = board
        self._rng = rng
        self._met: set[tuple[Place, Place]] = set()
        self._known: set[Deviations] = set()
        self._open: dict[int, list[Deviations]] = {}

    def add(self, conductor: Conductor) -> None:
        """Look at a schedule that was recorded; keep what lies behind it if it met anything new."""
        met = set(self._orders(conductor))
        base = tuple(conductor.deviations)
        if met <= self._met and len(base) > 1:
            return
        self._met |= met
        later = conductor.decisions_after_last_deviation()
        extensions = [
            (*base, deviation)
            for likely, deviation in alternatives(conductor, later, self._board, self._rng)
            if likely
        ]
        waiting = self._open.setdefault(min(len(base), DEPTHS[-1]), [])
        waiting += [one for one in extensions if one not in self._known]
        self._known.update(extensions)

    def take(self) -> Deviations | None:
        """An extension, and never again; None if there is none."""
        depths = [depth for depth in DEPTHS if self._open.get(depth)]
        if not depths:
            return None
        depth = self._rng.choices(depths, [WEIGHTS[depth - 1] for depth in depths])[0]
        waiting = self._open[depth]
        return waiting.pop(self._rng.randrange(len(waiting)))

    def _orders(self, conductor: Conductor) -> Iterator[tuple[Place, Place]]:
        """Which racing access came right after which other thread's."""
        last: dict[str, tuple[int, Place]] = {}
        for task, place in conductor.trail:
            if isinstance(place, str) or not self._board.hot(place):
                continue
            for name in (place.reads | place.writes) & self._board.hot_names:
                before = last.get(name)
                if before is not None and before[0] != task:
                    yield before[1], place
                last[name] = (task, place)
