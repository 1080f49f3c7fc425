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

from soak.schedule.conductor import Conductor
from soak.schedule.locks import Lock
from soak.schedule.outcome import Kind
from soak.schedule.points import Granularity
from soak.schedule.task import Task
from soak.schedule.units import Reader, Unit, by_thread, causes

ORDERS = 3
"""Orders worth a try, at most."""

Segment = tuple[int, int]
"""A thread, and the last of its own points that it goes past before another one's turn comes."""


class Script:
    """Threads run by turns, as written down; when all is done, nobody interferes."""

    NAME = "turns"
    """How its name in a token begins."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.turns = tuple(segments)
        self._segments = list(reversed(segments))

    def __str__(self) -> str:
        return f"~{self.NAME}." + "_".join(f"{task}-{until}" for task, until in self.turns)

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
    reader = Reader(translate=recorded is not wanted)
    units = reader.read(conductor.log)
    failure = conductor.over.failure if conductor.over else None
    if not units or failure is None:
        return []
    ends = list(reader.now.values()) if failure.kind is Kind.DEADLOCK else [reader.now[failure.task]]
    threads = by_thread(units)
    as_it_was: dict[tuple[Segment, ...], None] = {}
    for order in (sorted(units, key=lambda unit: unit.ended), units) if recorded is not wanted else ():
        turns = _Turns(threads, set(units))
        for unit in order:
            turns.turn(unit.task, unit.step)
        as_it_was[tuple(turns.segments)] = None
    found: dict[tuple[Segment, ...], int] = {}
    for kept in (causes(threads, ends), set(units)):
        for prefer in PREFERENCES:
            turns = _Turns(threads, kept)
            turns.play(prefer)
            found.setdefault(tuple(turns.segments), turns.preemptions)
    return [Script(segments) for segments in (*sorted(found, key=found.__getitem__)[:ORDERS], *as_it_was)]


class _Turns:
    """Who can do what next, as units are done: every thread goes on as long as it can."""

    def __init__(self, threads: dict[int, list[Unit]], kept: set[Unit]) -> None:
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

    def missing(self, task: int) -> list[Unit]:
        """What has to be done before the thread's next unit."""
        unit = self._next(task)
        return [] if unit is None else [one for one in unit.needs if one in self._open]

    def _next(self, task: int) -> Unit | None:
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
        self.turn(task, unit.step)

    def turn(self, task: int, until: int) -> None:
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
            self.turn(task, unit.step)
        else:
            self.preemptions += 1

    def _would_wait(self, what: object) -> bool:
        """For a lock that was taken and not given back, a thread's end, an item that is not there."""
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
