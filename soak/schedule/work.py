"""What the threads of a scenario have to do in each schedule of one search: few calls, drawn once for all.

Every call draws from a generator of its own, so that one can be taken away and the others stay what they
were.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from soak.author import Call, Invariant, Operation, Scenario
from soak.worker.crew import teams

MOST_ALIKE = 3
"""Threads of one team that take part; in a small world two that do the same are mostly enough."""
FEW, CROWDED_EVERY = 3, 3
"""So many threads take part, drawn at random, but for every third variant, in which all do."""
MOST_CALLS = 4
"""Calls of a thread, before the numbers begin again with other choices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """``calls`` for each thread, with the choices of ``variant``, ``without`` some: (thread, call).

    Threads that are left with nothing to do are there all the same, so that the others keep their ranks; but
    not where it is ``compact``.
    """

    calls: int = 1
    variant: int = 0
    without: frozenset[tuple[int, int]] = frozenset()
    compact: bool = False

    def __str__(self) -> str:
        """``2x17-0.1``, as it stands in a token; a compact one ends in ``!``."""
        gone = "".join(f"-{hand}.{call}" for hand, call in sorted(self.without))
        return f"{self.calls}x{self.variant}{gone}{'!' * self.compact}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError where the text is none."""
        if not re.fullmatch(r"\d+x\d+(-\d+\.\d+)*!?", text):
            raise ValueError(f"expected work such as 2x17-0.1, got {text!r}")
        head, *gone = text.removesuffix("!").split("-")
        calls, variant = head.split("x")
        pairs = (one.split(".") for one in gone)
        return cls(
            calls=int(calls),
            variant=int(variant),
            without=frozenset((int(hand), int(call)) for hand, call in pairs),
            compact=text.endswith("!"),
        )

    def less(self, gone: frozenset[tuple[int, int]]) -> Self:
        """The same without these calls, too."""
        return replace(self, without=self.without | gone)


def works() -> Iterator[Work]:
    """One call for each of a few threads, then of all; two, three …; and again, always with other choices."""
    for variant in itertools.count():
        yield Work(calls=1 + variant // CROWDED_EVERY % MOST_CALLS, variant=variant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call that a thread makes, with the seed of its choices."""

    name: str
    call: Call
    expects: tuple[type[BaseException], ...] = ()
    seed: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A thread to be, and what it does: steps, or to look at an invariant."""

    number: int
    name: str
    steps: tuple[Step, ...] = ()
    looks: Invariant | None = None

    @property
    def parts(self) -> frozenset[tuple[int, int]]:
        """What can be taken away from it."""
        return frozenset((self.number, step.number) for step in self.steps) or (
            frozenset([(self.number, 0)]) if self.looks else frozenset()
        )

    @property
    def words(self) -> str:
        """``pool-1: stop, start``."""
        done = self.looks.promise if self.looks else ", ".join(step.name for step in self.steps)
        return f"{self.name}: {done}"


def hands(scenario: Scenario, work: Work, seed: int) -> list[Hand]:
    """The threads of one episode, in the order of their starts."""
    everybody = [*_operating(scenario, work, seed), *_beside(scenario, seed)]
    numbered = [replace(hand, number=number) for number, hand in enumerate(_present(everybody, work, seed))]
    left = [
        replace(
            hand,
            steps=tuple(step for step in hand.steps if (hand.number, step.number) not in work.without),
            looks=None if (hand.number, 0) in work.without else hand.looks,
        )
        for hand in numbered
    ]
    return [hand for hand in left if hand.parts or not work.compact]


def _operating(scenario: Scenario, work: Work, seed: int) -> Iterator[Hand]:
    calls = work.calls if scenario.rounds is None else min(work.calls, scenario.rounds)
    for team, operations, count in teams(scenario):
        for member in range(min(count, MOST_ALIKE)):
            name = f"{team}-{member}"
            drawn = (f"{seed}:{scenario.name}:{work.variant}:{name}:{call}" for call in range(calls))
            steps = tuple(_step(operations, text, number) for number, text in enumerate(drawn))
            yield Hand(number=-1, name=name, steps=steps)


def _step(operations: tuple[Operation, ...], seed: str, number: int) -> Step:
    weights = [operation.weight for operation in operations]
    chosen = random.Random(f"{seed}:which").choices(operations, weights)[0]
    return Step(name=chosen.name, call=chosen.call, expects=chosen.expects, seed=seed, number=number)


def _beside(scenario: Scenario, seed: int) -> Iterator[Hand]:
    """A nemesis acts once, at a time that the schedule chooses."""
    for nemesis in scenario.nemeses:
        drawn = f"{seed}:{scenario.name}:nemesis {nemesis.name}"
        step = Step(name=nemesis.name, call=nemesis.call, seed=drawn)
        yield Hand(number=-1, name=f"nemesis {nemesis.name}", steps=(step,))
    for number, invariant in enumerate(scenario.invariants):
        yield Hand(number=-1, name=f"invariant-{number}", looks=invariant)


def _present(everybody: list[Hand], work: Work, seed: int) -> list[Hand]:
    """Who takes part: all that look, and of the others a few or all."""
    working = [hand for hand in everybody if hand.looks is None]
    if work.variant % CROWDED_EVERY == CROWDED_EVERY - 1 or len(working) <= FEW:
        return everybody
    drawn = random.Random(f"{seed}:{work.variant}:present").sample(range(len(working)), FEW)
    present = {working[number].name for number in drawn}
    return [hand for hand in everybody if hand.looks is not None or hand.name in present]
