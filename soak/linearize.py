"""Decides whether a history is linearizable: whether some order of its calls explains every reply.

The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with what Lowe added to it
("Testing for linearizability", 2017): a call takes effect just in time, when a reply has to be explained, and
a configuration that was met before is not searched again. Keys are decided one by one, which is sound since
a history is linearizable just when each of its objects' is (Herlihy and Wing 1990; used for checking by Horn
and Kroening, "Faster linearizability checking via P-compositionality", 2015, and by the tools porcupine and
knossos). The search keeps its own stack, so it is bounded by its :class:`Budget` only.

Standard library only.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from soak.history import SECONDS, Call, Model, Step

#: Configurations that one search may remember: some 300 bytes each.
MOST_CONFIGURATIONS = 400_000
#: The clock is asked once in so many configurations.
_GLANCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """The calls of one key, up to the first reply that no order explains: that of ``calls[-1]``.

    ``calls`` are those that had ended by then, in the order of their ends; ``beside`` had begun, but not
    ended. ``states`` are all the states that the key's object can have had between two ends, each with the
    index of the first call whose end was still to come.
    """

    key: Hashable
    calls: tuple[Call, ...]
    beside: tuple[Call, ...]
    states: dict[Hashable, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """An order explains every reply, or none explains that of ``stuck``."""

    linearizable: bool
    calls: int
    stuck: Stuck | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDecided:
    """The search was given up: the history may be linearizable or not."""

    reason: str


class OverBudget(Exception):
    """The search was given up; its text says why."""


class Budget:
    """Bounds searches in time, together, and each in what it remembers."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = clock() + seconds

    def check(self, configurations: int) -> None:
        """Called once per configuration that is remembered.

        Raises:
            OverBudget: time or memory is used up.
        """
        if configurations % _GLANCE == 1 and self._clock() >= self._until:
            raise OverBudget(f"it took more than {self._seconds:g} s")
        if configurations > MOST_CONFIGURATIONS:
            raise OverBudget(f"it needs more than {MOST_CONFIGURATIONS} configurations")


def decide(
    model: Model,
    calls: Iterable[Call],
    *,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Decided | NotDecided:
    """Whether some order explains ``calls``, within ``seconds``; keys with few calls come first."""
    by_key: dict[Hashable, list[Call]] = {}
    for call in calls:
        by_key.setdefault(call.key, []).append(call)
    budget = Budget(seconds, clock)
    total, problem = sum(map(len, by_key.values())), ""
    for key, mine in sorted(by_key.items(), key=lambda item: len(item[1])):
        try:
            stuck = explain(model, key, mine, budget)
        except OverBudget as over:
            problem = problem or f"key {key!r} with {len(mine)} calls: {over}"
            continue
        if stuck is not None:
            return Decided(linearizable=False, calls=total, stuck=stuck)
    return NotDecided(reason=problem) if problem else Decided(linearizable=True, calls=total)


def explain(model: Model, key: Hashable, calls: Sequence[Call], budget: Budget) -> Stuck | None:
    """None if some order explains the calls of one key.

    Raises:
        OverBudget: the search was given up.
    """
    course = Course(calls)
    found = search(model.step, course, (model.initial,), budget)
    if found.explained:
        return None
    last = course.turns[found.deepest].call
    told = [turn.call for turn in course.turns[: found.deepest + 1]]
    ended = {id(call) for call in told}
    assert last.ended is not None
    beside = [call for call in calls if id(call) not in ended and call.began <= last.ended]
    return Stuck(key=key, calls=tuple(told), beside=tuple(beside), states=found.states)


# -- the search --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Turn:
    """The end of a call, which has taken effect by then, unless it is ``free``.

    ``beside`` are the other calls that are open then. A call's ``bit`` is its own as long as it is open.
    """

    call: Call
    bit: int
    free: bool
    beside: tuple[tuple[int, Call, bool], ...]


class Course:
    """One key's calls as the ends to be explained, one after the other."""

    def __init__(self, calls: Sequence[Call], free: frozenset[int] | None = None) -> None:
        """``free`` are the indices of calls that may have taken effect, but need not; pending ones always."""
        points: list[tuple[int, int, int]] = []
        for index, call in enumerate(calls):
            points.append((call.began, 0, index))  # a beginning comes before an end of the same instant
            if call.ended is not None:
                points.append((call.ended, 1, index))
        points.sort()
        self.turns: list[Turn] = []
        unused: list[int] = []
        bits: dict[int, int] = {}
        for _at, is_end, index in points:
            if not is_end:
                bits[index] = heapq.heappop(unused) if unused else 1 << len(bits)
                continue
            bit = bits.pop(index)
            # Tried last of all first: whoever ends soon is the likeliest to have taken effect.
            others = sorted(bits, key=lambda other: -(calls[other].ended or float("inf")))
            beside = tuple((bits[each], calls[each], self._is_free(calls, free, each)) for each in others)
            self.turns.append(Turn(calls[index], bit, self._is_free(calls, free, index), beside))
            heapq.heappush(unused, bit)

    @staticmethod
    def _is_free(calls: Sequence[Call], free: frozenset[int] | None, index: int) -> bool:
        return calls[index].ended is None or (free is not None and index in free)


@dataclass(slots=True)
class Found:
    """What a search found. ``states`` were met between two turns, each before the first turn that is told."""

    explained: bool
    deepest: int
    states: dict[Hashable, int] = field(default_factory=dict)


def search(step: Step, course: Course, states: Iterable[Hashable], budget: Budget) -> Found:
    """Whether the turns of ``course`` can be explained from one of ``states``: depth first.

    A configuration is (turn, state, open calls that took effect, the free ones of them apart). One that has
    spent more of its free calls than another that is equal otherwise has fewer futures: it is passed over.

    Raises:
        OverBudget: the search was given up.
    """
    turns = course.turns
    end = len(turns)
    seen: dict[tuple[int, Hashable, int], tuple[int, ...]] = {}
    stack: list[tuple[int, Hashable, int, int]] = [(0, state, 0, 0) for state in states]
    met: dict[Hashable, int] = {state: 0 for _at, state, _done, _spent in stack}
    deepest = configurations = 0
    while stack:
        at, state, done, spent = stack.pop()
        while at < end and (done | spent) & turns[at].bit:
            done, spent = done & ~turns[at].bit, spent & ~turns[at].bit
            at += 1
            if at < met.get(state, end):
                met[state] = at
        if at == end:
            return Found(True, end, met)
        known = seen.get((at, state, done), ())
        if any(fewer & spent == fewer for fewer in known):
            continue
        seen[at, state, done] = (*(more for more in known if more & spent != spent), spent)
        configurations += 1
        budget.check(configurations)
        deepest = max(deepest, at)
        turn = turns[at]
        taken = done | spent
        idle: list[tuple[int, Hashable, int, int]] = []
        for bit, call, free in turn.beside:
            if not taken & bit:
                for after in step(state, call.operation, call.argument, call.reply):
                    if after != state:
                        stack.append(
                            (at, after, done, spent | bit) if free else (at, after, done | bit, spent)
                        )
                    elif not free:
                        idle.append((at, after, done | bit, spent))
        call = turn.call
        for after in step(state, call.operation, call.argument, call.reply):
            stack.append((at + 1, after, done, spent))
            if at + 1 < met.get(after, end):
                met[after] = at + 1
        if turn.free:
            stack.append((at + 1, state, done, spent))
        stack += idle
    return Found(False, deepest, met)
