"""The shortest part of a history that no order explains, and its text: who did what, side by side.

Leaving calls out of a history is not sound as it stands: without a ``set 7`` every ``get → 7`` is a riddle.
So a call that is left out is not denied: it may have taken effect, with the reply that it had, within its own
time, or not. What is left is a contradiction whatever the others did. And the object may have been, as the
part begins, in every state that it had in any order of all that was before.

Standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

from soak.history import Call, Model
from soak.linearize import Budget, Course, OverBudget, Stuck, search

#: Seconds for making it short; then it is shown as short as it is.
SECONDS = 3.0
#: Where the part was found among so few calls, every smaller choice of this many of them is tried.
_FEW, _SMALLER = 32, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """``calls`` of one key, by their beginning, that no order explains; ``last`` is the one it shows at.

    ``of`` counts the key's calls up to there. ``irreducible``: without any one of them there is an order.
    """

    key: Hashable
    calls: tuple[Call, ...]
    last: Call
    of: int
    irreducible: bool


def shorten(
    model: Model, stuck: Stuck, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
) -> Unexplained:
    """Make the calls of ``stuck`` as few as ``seconds`` allow."""
    work = _Shortening(model, stuck, Budget(seconds, clock))
    kept, irreducible = work.shorten()
    calls = sorted((stuck.calls[index] for index in kept), key=lambda call: call.began)
    return Unexplained(
        key=stuck.key,
        calls=tuple(calls),
        last=stuck.calls[-1],
        of=len(stuck.calls) + len(stuck.beside),
        irreducible=irreducible,
    )


class _Shortening:
    """Works on indices of ``stuck.calls``, which are in the order of their ends."""

    def __init__(self, model: Model, stuck: Stuck, budget: Budget) -> None:
        self._model = model
        self._stuck = stuck
        self._budget = budget
        self._last = len(stuck.calls) - 1
        self._first = 0  # where the part begins

    def shorten(self) -> tuple[list[int], bool]:
        kept = list(range(len(self._stuck.calls)))
        try:
            kept = self._newest()
            for index in kept[:-1]:
                without = [other for other in kept if other != index]
                if self._fails(without):
                    kept = without
        except OverBudget:
            return kept, False
        try:
            return self._smallest(kept), True
        except OverBudget:
            return kept, True

    def _newest(self) -> list[int]:
        """The newest 1, 2, 4, … calls of which no order explains the last one."""
        width = 1
        while True:
            self._first = max(0, self._last + 1 - width)
            kept = self._strict()
            if self._first == 0 or (kept[-1:] == [self._last] and self._fails(kept)):
                return kept
            width *= 2

    def _strict(self) -> list[int]:
        """The part's calls that began in it. The others were under way: they may have taken effect before."""
        calls, first = self._stuck.calls, self._first
        since = calls[first - 1].ended if first else None
        return [index for index in range(first, len(calls)) if since is None or calls[index].began > since]

    def _smallest(self, kept: list[int]) -> list[int]:
        """Fewer calls than ``kept`` that are no part of it, where all choices can be tried."""
        others = [index for index in self._strict() if index != self._last]
        if len(others) > _FEW:
            return kept
        for size in range(min(_SMALLER, len(kept) - 2) + 1):
            for choice in combinations(reversed(others), size):
                if self._fails([*sorted(choice), self._last]):
                    return [*sorted(choice), self._last]
        return kept

    def _fails(self, kept: Sequence[int]) -> bool:
        """Whether no order explains the calls ``kept``, whatever the others did."""
        self._budget.check(1)
        stuck, first = self._stuck, self._first
        strict = {index - first for index in kept}
        calls = [*stuck.calls[first:], *stuck.beside]
        free = frozenset(index for index in range(len(calls)) if index not in strict)
        states = [state for state, turn in stuck.states.items() if turn <= first]
        course = Course(calls, free)
        # What ends after the last reply ends too late to matter.
        del course.turns[self._last - first + 1 :]
        return not search(self._model.step, course, states, self._budget).explained


# -- as text -------------------------------------------------------------------------------------------------

_TIME, _WIDEST = 12, 36


def side_by_side(unexplained: Unexplained, name: str) -> str:
    """The calls with a column for each thread, downwards in time; with a newline at the end."""
    calls = unexplained.calls
    columns = list(dict.fromkeys(call.who for call in calls))
    rows = _rows(calls, columns, unexplained.last)
    widths = [
        min(_WIDEST, max(len(who), *(len(cells[index]) for _at, cells in rows)))
        for index, who in enumerate(columns)
    ]
    more = "; without any one of them there is one" if unexplained.irreducible else ""
    few = f"these {len(calls)} calls" if len(calls) > 1 else "this call"
    lines = [
        f"The history of {name} is not linearizable: {unexplained.key!r}, {unexplained.of} calls.",
        "",
        f"No order explains {few}, whatever the others did{more if len(calls) > 1 else ''}.",
        "",
        _line("µs", columns, widths),
        *(_line(at, cells, widths) for at, cells in rows),
        "",
        f"{_asked(unexplained.last)} by {unexplained.last.who} cannot have been answered "
        f"{_shown(unexplained.last.reply)}.",
    ]
    return "\n".join(lines) + "\n"


def in_one_line(unexplained: Unexplained) -> str:
    """The calls in the order of their beginning: ``pool-0: start left → 5; pool-1: …``."""
    return "; ".join(f"{call.who}: {_asked(call)} → {_shown(call.reply)}" for call in unexplained.calls)


def _rows(calls: Sequence[Call], columns: list[str], last: Call) -> list[tuple[str, list[str]]]:
    """One row for each beginning and each end, with a line down the column of whoever is inside a call."""
    points: list[tuple[int, int, Call]] = []
    for call in calls:
        points.append((call.began, 0, call))
        if call.ended is not None:
            points.append((call.ended, 1, call))
    points.sort(key=lambda point: point[:2])
    zero = points[0][0]
    inside: set[str] = set()
    rows = []
    for at, is_end, call in points:
        cells = ["│" if who in inside else "" for who in columns]
        here = columns.index(call.who)
        if is_end:
            inside.discard(call.who)
            cells[here] = f"└ {_shown(call.reply)}" + ("   ← ?" if call is last else "")
        else:
            inside.add(call.who)
            cells[here] = f"┌ {_asked(call)}"
        rows.append((f"{(at - zero) / 1e3:,.1f}", cells))
    return rows


def _line(at: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    columns = "  ".join(cell[:width].ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"{at:>{_TIME}}  {columns}".rstrip()


def _asked(call: Call) -> str:
    return call.operation if call.argument is None else f"{call.operation} {_shown(call.argument)}"


def _shown(value: object) -> str:
    """A value in a column: text as it is, the rest as Python writes it."""
    return value if isinstance(value, str) else repr(value)
