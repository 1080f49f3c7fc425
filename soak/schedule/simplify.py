"""A failing schedule in another order, with fewer switches, in which everything that depends on one another
happens as it did.

After Jalbert and Sen, A trace simplification technique for effective debugging of concurrent programs, FSE
2010, and Huang and Zhang, An efficient static trace simplification technique for debugging concurrent
programs, SAS 2011. What depends on what is read off names, locks and threads; a guess, which a replay has to
confirm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from soak.schedule.conductor import Conductor, Entry, Mark
from soak.schedule.locks import Lock
from soak.schedule.outcome import Kind
from soak.schedule.places import Place
from soak.schedule.points import Granularity
from soak.schedule.task import Task

Segment = tuple[int, int]
"""A thread, and the last of its own points that it goes past before another one's turn comes."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Unit:
    """What a thread does from one point to the next, or from waking up to the next point.

    `used` are the locks, items and ends that it took or gave; `waited` for the first of them.
    """

    task: int
    step: int
    needs: set[_Unit] = field(default_factory=set)
    used: list[object] = field(default_factory=list)
    waited: bool = False
    woken: bool = False


class Script:
    """Threads run by turns, as written down; when all is done, nobody interferes."""

    NAME = "turns"
    """How its name in a token begins."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._name = "_".join(f"{task}-{until}" for task, until in segments)
        self._segments = list(reversed(segments))

    def __str__(self) -> str:
        return f"~{self.NAME}.{self._name}"

    @classmethod
    def parse(cls, name: str) -> Script:
        """What comes after the dot of a token's name. Raises ValueError where it is none."""
        return cls([_segment(part) for part in name.split("_")])

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        able = {choice.index: choice for choice in choices}
        while self._segments:
            index, until = self._segments[-1]
            if index in able and able[index].yields <= until:
                return able[index]
            self._segments.pop()
        return expected


def scripts(conductor: Conductor, recorded: Granularity, wanted: Granularity) -> list[Script]:
    """Orders worth a try, the one with the fewest preemptions first.

    `conductor` has run a failing schedule and recorded it at one granularity; the scripts are for another, or
    for the same.
    """
    reader = _Reader(translate=recorded is not wanted)
    units = reader.read(conductor.log)
    failure = conductor.over.failure if conductor.over else None
    if not units or failure is None:
        return []
    ends = list(reader.now.values()) if failure.kind is Kind.DEADLOCK else [reader.now[failure.task]]
    threads = _by_thread(units)
    found: dict[tuple[Segment, ...], int] = {}
    for kept in (_causes(threads, ends), set(units)):
        for prefer in PREFERENCES:
            turns = _Turns(threads, kept)
            turns.play(prefer)
            found.setdefault(tuple(turns.segments), turns.preemptions)
    return [Script(segments) for segments in sorted(found, key=found.__getitem__)]


class _Reader:
    """Cuts a log into units. Where a switch took place at a point, what the point stands for came after it."""

    def __init__(self, *, translate: bool) -> None:
        self.now: dict[int, _Unit] = {}
        self._translate = translate
        self._units: list[_Unit] = []
        self._fresh: dict[int, bool] = {}
        self._lines: dict[int, dict[str, tuple[int, int]]] = {}
        self._last: dict[object, tuple[_Unit | None, list[_Unit]]] = {}

    def read(self, log: Sequence[Entry]) -> list[_Unit]:
        """The units, each with what it needs done before."""
        pending: dict[int, Place] = {}
        waiting: set[int] = set()
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
                waiting.add(task)
            elif task in waiting:
                waiting.discard(task)
                self._wake(task)
            place = pending.pop(task, None)
            if place is not None:
                for name in place.reads | place.writes:
                    self._use(task, name, writes=name in place.writes)
        return self._units

    def _begin(self, task: int, *, step: int) -> None:
        self.now[task] = _Unit(task=task, step=step)
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
        writer, readers = self._last.get(what, (None, []))
        unit.needs |= {other for other in (writer, *(readers if writes else ())) if other is not None}
        unit.needs.discard(unit)
        self._last[what] = (unit, []) if writes else (writer, [*readers, unit])


def _by_thread(units: Sequence[_Unit]) -> dict[int, list[_Unit]]:
    threads: dict[int, list[_Unit]] = {}
    for unit in units:
        threads.setdefault(unit.task, []).append(unit)
    return threads


def _causes(threads: dict[int, list[_Unit]], ends: Sequence[_Unit]) -> set[_Unit]:
    """The units without which the ends would not be what they are."""
    before = {
        after: unit for thread in threads.values() for unit, after in zip(thread, thread[1:], strict=False)
    }
    found: set[_Unit] = set()
    todo = list(ends)
    while todo:
        unit = todo.pop()
        if unit not in found:
            found.add(unit)
            todo.extend(unit.needs)
            if unit in before:
                todo.append(before[unit])
    return found


class _Turns:
    """Who can do what next, as units are done: every thread goes on as long as it can."""

    def __init__(self, threads: dict[int, list[_Unit]], kept: set[_Unit]) -> None:
        self.segments: list[Segment] = []
        self.preemptions = 0
        self.left = {task: list(reversed(units)) for task, units in threads.items()}
        self._open = set(kept)
        self._kept = kept
        self._used: Counter[object] = Counter()

    def play(self, prefer: Callable[[_Turns, int], int]) -> None:
        """Until all that is kept is done. Where units need one another in a circle, one of them is forced."""
        current = 0
        while True:
            self._run(current)
            if not self._open:
                return
            able = self.able()
            following = prefer(self, current) if able else self._least_missing()
            self._leave(current)
            if not able:
                self._do(following)
            current = following

    def able(self) -> list[int]:
        """The threads that can go on."""
        return [task for task in self.left if self._next(task) and not self.missing(task)]

    def missing(self, task: int) -> list[_Unit]:
        """What has to be done before the thread's next unit."""
        unit = self._next(task)
        return [] if unit is None else [one for one in unit.needs if one in self._open]

    def _next(self, task: int) -> _Unit | None:
        left = self.left[task]
        return left[-1] if left and left[-1] in self._kept else None

    def _least_missing(self) -> int:
        return min((task for task in self.left if self._next(task)), key=lambda task: len(self.missing(task)))

    def _run(self, task: int) -> None:
        while self._next(task) is not None and not self.missing(task):
            self._do(task)

    def _do(self, task: int) -> None:
        unit = self.left[task].pop()
        self._open.discard(unit)
        self._used.update(unit.used)
        self._turn(task, unit.step)

    def _turn(self, task: int, until: int) -> None:
        if self.segments and self.segments[-1][0] == task:
            self.segments[-1] = (task, until)
        else:
            self.segments.append((task, until))

    def _leave(self, task: int) -> None:
        """Somebody else's turn comes: a preemption, unless the thread has ended, or waits by itself."""
        unit = self.left[task][-1] if self.left[task] else None
        if unit is None or unit.woken:
            return
        if unit.waited and unit.used and self._would_wait(unit.used[0]):
            self._turn(task, unit.step)
        else:
            self.preemptions += 1

    def _would_wait(self, what: object) -> bool:
        """A lock that was taken and not given back, a thread that has not ended, an item that is not there."""
        taken = self._used[what] % 2 == 1
        return taken if isinstance(what, Lock) else isinstance(what, Task) or not taken


def _next_by_rank(turns: _Turns, current: int) -> int:
    return min(turns.able(), key=lambda task: (task <= current, task))


def _next_needed(turns: _Turns, current: int) -> int:
    """Whoever has to come first, so that the current thread can go on."""
    able, seen = turns.able(), set()
    task = current
    while task not in able:
        seen.add(task)
        others = [unit.task for unit in turns.missing(task) if unit.task not in seen]
        if not others:
            return _next_by_rank(turns, current)
        task = min(others)
    return task


def _next_longest(turns: _Turns, current: int) -> int:
    return max(turns.able(), key=lambda task: len(turns.left[task]))


PREFERENCES: tuple[Callable[[_Turns, int], int], ...] = (_next_needed, _next_by_rank, _next_longest)
"""Who takes over from a thread that cannot go on."""


def _segment(text: str) -> Segment:
    task, until = text.split("-")
    return int(task), int(until)
