"""A recorded schedule, cut into what each thread does from one of its points to the next, and what each such
unit needs done before it: what it reads, writes, takes and gives, as far as names, locks and threads tell.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from soak.schedule.conductor import Entry, Mark
from soak.schedule.places import Place


@dataclass(slots=True, kw_only=True, eq=False)
class Unit:
    """What a thread does from one point to the next, or from waking up to the next point.

    `used` are the locks, items and ends that it took or gave; `waited` for the first of them. `ended` counts
    entries of the log.
    """

    task: int
    step: int
    needs: set[Unit] = field(default_factory=set)
    used: list[object] = field(default_factory=list)
    waited: bool = False
    woken: bool = False
    ended: int = -1


class Reader:
    """Cuts a log into units. Where a switch took place at a point, what the point stands for came after it.

    `translate`: the log is of opcodes, the units are to be of lines. `now` is each thread's last unit.
    """

    def __init__(self, *, translate: bool) -> None:
        self.now: dict[int, Unit] = {}
        self._translate = translate
        self._units: list[Unit] = []
        self._fresh: dict[int, bool] = {}
        self._lines: dict[int, dict[str, tuple[int, int]]] = {}
        self._writers: dict[object, Unit] = {}
        self._readers: dict[object, list[Unit]] = {}

    def read(self, log: Sequence[Entry]) -> list[Unit]:
        """The units, each with what it needs done before."""
        pending: dict[int, Place] = {}
        waiting: dict[int, object] = {}
        for number, (task, mark, what) in enumerate(log):
            if task not in self.now:
                self._begin(task, step=0)
            if mark is Mark.POINT:
                self._point(task, what)
                if isinstance(what, Place):
                    pending[task] = what
                if number + 1 < len(log) and log[number + 1][0] != task:
                    continue
            elif mark is Mark.TOUCH:
                self._touch(task)
            elif mark is Mark.SYNC:
                self.now[task].used.append(what)
                self._use(task, what, writes=True)
            elif mark is Mark.WAIT:
                waiting[task] = what
            elif task in waiting:
                del waiting[task]
                self._wake(task)
            place = pending.pop(task, None)
            if place is not None:
                for name in place.reads | place.writes:
                    self._use(task, name, writes=name in place.writes)
            self.now[task].ended = number
        for task, what in waiting.items():  # for ever
            self._use(task, what, writes=False)
        return self._units

    def _begin(self, task: int, *, step: int) -> None:
        self.now[task] = Unit(task=task, step=step)
        self._units.append(self.now[task])

    def _wake(self, task: int) -> None:
        """What comes after a wait needs what it waited for; what was given before it must be given first."""
        if self.now[task].used:
            self._begin(task, step=self.now[task].step)
            self.now[task].woken = True
        self.now[task].waited = True

    def _point(self, task: int, what: object) -> None:
        if not isinstance(what, Place):
            self._touch(task)
        elif not self._translate or self._new_line(task, what):
            self._begin(task, step=self.now[task].step + 1)
            self._fresh[task] = True

    def _touch(self, task: int) -> None:
        """An operation is a point of its own, but for the first one after a line's point."""
        if self._fresh.get(task, False):
            self._fresh[task] = False
        else:
            self._begin(task, step=self.now[task].step + 1)

    def _new_line(self, task: int, place: Place) -> bool:
        """Whether an opcode begins a line anew, as the interpreter sees it."""
        lines = self._lines.setdefault(task, {})
        before = lines.get(place.function)
        lines[place.function] = (place.line, place.offset)
        return before is None or before[0] != place.line or place.offset <= before[1]

    def _use(self, task: int, what: object, *, writes: bool) -> None:
        unit = self.now[task]
        if what in self._writers:
            unit.needs.add(self._writers[what])
        if writes:
            unit.needs.update(self._readers.pop(what, ()))
            self._writers[what] = unit
        else:
            self._readers.setdefault(what, []).append(unit)
        unit.needs.discard(unit)


def by_thread(units: Sequence[Unit]) -> dict[int, list[Unit]]:
    """Each thread's units, in its own order."""
    threads: dict[int, list[Unit]] = {}
    for unit in units:
        threads.setdefault(unit.task, []).append(unit)
    return threads


def causes(threads: dict[int, list[Unit]], ends: Sequence[Unit]) -> set[Unit]:
    """The units without which the ends would not be what they are."""
    before = {after: unit for thread in threads.values() for unit, after in itertools.pairwise(thread)}
    found: set[Unit] = set()
    todo = list(ends)
    while todo:
        unit = todo.pop()
        if unit not in found:
            found.add(unit)
            todo.extend(unit.needs)
            if unit in before:
                todo.append(before[unit])
    return found
