"""What the threads of a scenario have to do in each schedule of one search: few calls, drawn once for all.

Every call draws from a generator of its own, so that one can be taken away and the others stay what they
were.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

from soak.author import Operation, Scenario
from soak.worker.crew import teams

MOST_ALIKE = 3
"""Threads of one team that take part; in a small world two that do the same are mostly enough."""
FEW = 3
"""Threads that take part in every other variant, drawn at random: in all others all do."""
MOST_CALLS = 4
"""Calls of a thread, before the numbers begin again with other choices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """``calls`` for each thread, with the choices of ``variant``, ``without`` some: (thread, call)."""

    calls: int = 1
    variant: int = 0
    without: frozenset[tuple[int, int]] = frozenset()

    def __str__(self) -> str:
        """``2x17-0.1``, as it stands in a token."""
        gone = "".join(f"-{hand}.{call}" for hand, call in sorted(self.without))
        return f"{self.calls}x{self.variant}{gone}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError where the text is none."""
        if not re.fullmatch(r"\d+x\d+(-\d+\.\d+)*", text):
            raise ValueError(f"expected work such as 2x17-0.1, got {text!r}")
        head, *gone = text.split("-")
        calls, variant = head.split("x")
        pairs = (one.split(".") for one in gone)
        return cls(
            calls=int(calls),
            variant=int(variant),
            without=frozenset((int(hand), int(call)) for hand, call in pairs),
        )

    def less(self, gone: frozenset[tuple[int, int]]) -> Self:
        """The same without these calls, too."""
        return replace(self, without=self.without | gone)


def works() -> Iterator[Work]:
    """One call each, then two, three …, and again, always with other choices."""
    for variant in itertools.count():
        yield Work(calls=1 + variant % MOST_CALLS, variant=variant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call that a thread makes, with the seed of its choices. ``look`` is whether it is a promise."""

    name: str
    call: Callable[..., Any]
    expects: tuple[type[BaseException], ...] = ()
    seed: str = ""
    number: int = 0
    looks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A thread to be, and what it does."""

    number: int
    name: str
    steps: tuple[Step, ...]


def hands(scenario: Scenario, work: Work, seed: int) -> list[Hand]:
    """The threads of one episode. Those with nothing to do are named as well: they keep the others' ranks."""
    everybody = [*_operating(scenario, work, seed), *_beside(scenario, seed)]
    absent = _absent([name for name, _ in everybody], work, seed)
    return [
        Hand(
            number=number,
            name=name,
            steps=tuple(
                step for step in steps if number not in absent and (number, step.number) not in work.without
            ),
        )
        for number, (name, steps) in enumerate(everybody)
    ]


def _operating(scenario: Scenario, work: Work, seed: int) -> Iterator[tuple[str, list[Step]]]:
    calls = work.calls if scenario.rounds is None else min(work.calls, scenario.rounds)
    for team, operations, count in teams(scenario):
        for member in range(min(count, MOST_ALIKE)):
            name = f"{team}-{member}"
            drawn = (f"{seed}:{scenario.name}:{work.variant}:{name}:{call}" for call in range(calls))
            yield name, [_step(operations, text, number) for number, text in enumerate(drawn)]


def _step(operations: tuple[Operation, ...], seed: str, number: int) -> Step:
    weights = [operation.weight for operation in operations]
    chosen = random.Random(f"{seed}:which").choices(operations, weights)[0]
    return Step(name=chosen.name, call=chosen.call, expects=chosen.expects, seed=seed, number=number)


def _beside(scenario: Scenario, seed: int) -> Iterator[tuple[str, list[Step]]]:
    """Nemeses act once, invariants are looked at once, at a time that the schedule chooses."""
    for nemesis in scenario.nemeses:
        drawn = f"{seed}:{scenario.name}:nemesis {nemesis.name}"
        yield f"nemesis {nemesis.name}", [Step(name=nemesis.name, call=nemesis.call, seed=drawn)]
    for number, invariant in enumerate(scenario.invariants):
        yield f"invariant-{number}", [Step(name=invariant.promise, call=invariant.holds, looks=True)]


def _absent(names: list[str], work: Work, seed: int) -> frozenset[int]:
    """Who sits out: nobody, or in every other variant all but a few."""
    if work.variant % 2 == 0 or len(names) <= FEW:
        return frozenset()
    present = random.Random(f"{seed}:{work.variant}:present").sample(range(len(names)), FEW)
    return frozenset(range(len(names))) - frozenset(present)
