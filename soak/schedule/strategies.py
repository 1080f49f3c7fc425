"""Who goes on: the schedules that are tried, each a rule that picks one thread at every decision.

- Random walk, sticky: folklore; the baseline that Thomson, Donaldson, Betts (Concurrency testing using
  controlled schedulers, TOPC 2016) found hard to beat.
- PCT: Burckhardt, Kothari, Musuvathi, Nagarakatte, A randomized scheduler with probabilistic guarantees of
  finding bugs, ASPLOS 2010. Random priorities, lowered at d − 1 random steps.
- POS: Yuan, Yang, Gu, Partial order aware concurrency sampling, CAV 2018. A random priority for every
  event; a race's loser draws again.
- URW, SURW: Zhao, Wolff, Mathur, Roychoudhury, Selectively uniform concurrency testing, ASPLOS 2025. A
  thread is drawn by the work that it has left, so that every interleaving is about equally likely;
  selectively: of the events that race.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from soak.schedule.outcome import Deviation, Strategy
from soak.schedule.places import Place
from soak.schedule.points import Granularity
from soak.schedule.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What the undisturbed schedule taught: how many points each thread has, and which names they race on."""

    points: dict[int, int] = field(default_factory=dict)
    hot_points: dict[int, int] = field(default_factory=dict)
    children: dict[int, tuple[int, ...]] = field(default_factory=dict)
    hot_names: frozenset[str] = frozenset()

    @property
    def total(self) -> int:
        """Points of all threads."""
        return max(1, sum(self.points.values()))

    def hot(self, place: Place | None) -> bool:
        """Whether the place touches a name that one thread writes and another uses."""
        return place is not None and bool((place.reads | place.writes) & self.hot_names)


class Follow:
    """Nobody interferes, but for the deviations given: the undisturbed schedule, a sweep's, and every
    replay.
    """

    def __init__(self, deviations: tuple[Deviation, ...] = ()) -> None:
        self._to = {(task, step): other for task, step, other in deviations}

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        wanted = self._to.get((current.index, step))
        if wanted is None:
            return expected
        return next((choice for choice in choices if choice.index == wanted), expected)


class RandomWalk:
    """Anybody, each time."""

    def __init__(self, board: Board, rng: random.Random) -> None:
        self._rng = rng

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        return self._rng.choice(choices)


class Sticky:
    """Mostly the one that runs."""

    def __init__(self, board: Board, rng: random.Random) -> None:
        self._rng = rng

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        if expected is current and self._rng.random() < 0.9:
            return current
        return self._rng.choice(choices)


class Pct:
    """The thread of the highest priority, which falls at `depth` − 1 random steps."""

    def __init__(self, board: Board, rng: random.Random, *, depth: int) -> None:
        self._rng = rng
        self._priorities: dict[int, float] = {}
        self._steps = 0
        horizon = max(board.total, depth)
        falls = rng.sample(range(1, horizon + 1), depth - 1)
        self._falls = {step: -float(rank) for rank, step in enumerate(falls, 1)}

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        self._steps += 1
        for choice in choices:
            if choice.index not in self._priorities:
                self._priorities[choice.index] = self._rng.random()
        if self._steps in self._falls:
            self._priorities[current.index] = self._falls[self._steps]
        chosen = max(choices, key=lambda task: self._priorities[task.index])
        if chosen is current and current.streak and expected is not current:  # it spins: see FAIR
            self._priorities[current.index] = min(self._priorities.values()) - 1
        return chosen


class HotPct(Pct):
    """PCT whose priorities fall only where names race."""

    def __init__(self, board: Board, rng: random.Random, *, depth: int) -> None:
        super().__init__(board, rng, depth=depth)
        self._board = board
        horizon = max(sum(board.hot_points.values()), depth)
        falls = rng.sample(range(1, horizon + 1), depth - 1)
        self._hot_falls = {step: -float(rank) for rank, step in enumerate(falls, 1)}
        self._falls = {}
        self._hot_steps = 0

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        if step > 0 and self._board.hot(current.place):
            self._hot_steps += 1
            if self._hot_steps in self._hot_falls:
                self._priorities[current.index] = self._hot_falls[self._hot_steps]
        return super().choose(current, step, choices, expected)


class Uniform:
    """URW: a thread is drawn by the points that it, and whoever it will start, have left."""

    def __init__(self, board: Board, rng: random.Random) -> None:
        self._board = board
        self._rng = rng
        self._born: set[int] = set()

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        self._born.update(task.index for task in current.conductor.tasks)
        weights = [self._left(choice) for choice in choices]
        return self._rng.choices(choices, weights)[0]

    def _left(self, task: Task) -> float:
        left = self._board.points.get(task.index, 1) - task.yields
        todo = list(self._board.children.get(task.index, ()))
        while todo:
            child = todo.pop()
            if child not in self._born:
                left += self._board.points.get(child, 1)
                todo.extend(self._board.children.get(child, ()))
        return max(left, 1)


class Selective(Uniform):
    """SURW: who does the next racing event is drawn by racing events left; until then others do what does
    not race.
    """

    def __init__(self, board: Board, rng: random.Random) -> None:
        super().__init__(board, rng)
        self._intended: Task | None = None
        self._done: dict[int, int] = {}

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        self._born.update(task.index for task in current.conductor.tasks)
        if self._intended is None or self._intended.done or self._intended.wait is not None:
            self._intended = self._rng.choices(choices, [self._hot_left(choice) for choice in choices])[0]
        intended = self._intended
        cold = [task for task in choices if task is not intended and not self._board.hot(task.place)]
        if intended not in choices:
            return self._rng.choice(cold or choices)
        if self._board.hot(intended.place):
            self._done[intended.index] = self._done.get(intended.index, 0) + 1
            self._intended = None
            return intended
        return self._rng.choice([intended, *cold])

    def _hot_left(self, task: Task) -> float:
        left = self._board.hot_points.get(task.index, 0) - self._done.get(task.index, 0)
        todo = list(self._board.children.get(task.index, ()))
        while todo:
            child = todo.pop()
            if child not in self._born:
                left += self._board.hot_points.get(child, 0)
                todo.extend(self._board.children.get(child, ()))
        return max(left, 0.5)


class PartialOrder:
    """POS: the event of the highest random priority; the events that race with it draw again."""

    def __init__(self, board: Board, rng: random.Random) -> None:
        self._rng = rng
        self._priorities: dict[int, float] = {}

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        for choice in choices:
            if choice.index not in self._priorities:
                self._priorities[choice.index] = self._rng.random()
        chosen = max(choices, key=lambda task: self._priorities[task.index])
        for choice in choices:
            if choice is chosen or _race(choice.place, chosen.place):
                self._priorities.pop(choice.index, None)
        return chosen


def _race(one: Place | None, other: Place | None) -> bool:
    return one is not None and other is not None and one.races(other)


PORTFOLIO: dict[str, Callable[[Board, random.Random], Strategy]] = {
    "surw": Selective,
    "hot3": lambda board, rng: HotPct(board, rng, depth=3),
    "pos": PartialOrder,
    "urw": Uniform,
    "pct3": lambda board, rng: Pct(board, rng, depth=3),
    "hot2": lambda board, rng: HotPct(board, rng, depth=2),
    "walk": RandomWalk,
    "pct2": lambda board, rng: Pct(board, rng, depth=2),
    "hot5": lambda board, rng: HotPct(board, rng, depth=5),
    "sticky": Sticky,
    "pct5": lambda board, rng: Pct(board, rng, depth=5),
}
"""By the name that a token carries."""
LINE, OPCODE = Granularity.LINE, Granularity.OPCODE
ROTATION: tuple[tuple[str, Granularity], ...] = (
    ("walk", LINE),
    ("hot5", LINE),
    ("surw", OPCODE),
    ("pct3", LINE),
    ("urw", LINE),
    ("hot2", LINE),
    ("walk", OPCODE),
    ("sticky", LINE),
    ("surw", LINE),
    ("pct5", LINE),
    ("urw", OPCODE),
    ("hot3", LINE),
    ("pos", LINE),
    ("pct2", LINE),
    ("pos", OPCODE),
    ("hot5", OPCODE),
)
"""By turns: strategies of many switches and of few, between lines mostly. Some races live in one line."""


def named(name: str, board: Board, rng: random.Random) -> Strategy:
    """The strategy of a token."""
    if name not in PORTFOLIO:
        raise ValueError(f"no strategy {name!r}; this soak knows {', '.join(PORTFOLIO)}")
    return PORTFOLIO[name](board, rng)
