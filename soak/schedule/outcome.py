"""What a schedule is made of, who decides it, and how it ends."""

from __future__ import annotations

import enum
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Protocol

from soak.schedule.places import Place
from soak.schedule.task import Task


class Kind(enum.Enum):
    ERROR = "error"
    DEADLOCK = "deadlock"


Face = tuple[Kind, type, str]
"""A failure's kind, its error's type and its promise or knot: equal for two failures that are one problem, as
far as a search has to know.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where a thread of a deadlock stands: codes and lines, the innermost first."""

    thread: str
    frames: tuple[tuple[CodeType, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong in a schedule, and in whose hands.

    Of a deadlock, also where everybody stands, and as ``knot`` where those stand that all others wait for.
    """

    kind: Kind
    words: str
    task: int
    error: BaseException | None = None
    stacks: tuple[Stack, ...] = ()
    knot: str = ""

    @property
    def face(self) -> Face:
        """What it is recognised by."""
        return self.kind, type(self.error), getattr(self.error, "problem", self.knot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """How a schedule ended. Neither a failure nor endless nor stalled: well."""

    failure: Failure | None = None
    endless: bool = False
    stalled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A moment when more than one thread could go on."""

    task: int
    step: int
    place: Place | None
    choices: tuple[int, ...]
    chosen: int


Deviation = tuple[int, int, int]
"""(thread, its own step, the thread that goes on instead). A step below 0 counts the thread's blockings,
one above its points: the latter do not shift when another thread's deviation is taken away.
"""


class Strategy(Protocol):
    """Decides who goes on."""

    def choose(self, current: Task, step: int, choices: list[Task], expected: Task) -> Task:
        """One of `choices`. `expected` is who goes on if nobody interferes."""
        ...


def deadlock(stuck: list[Task]) -> Failure:
    """Who waits for what, held by whom."""
    # Who joins a stuck thread is stuck, too, and tells nothing.
    telling = [task for task in stuck if not (task.wait and task.wait.what.endswith(" to end"))]
    lines = []
    for task in telling or stuck:
        at = "" if task.place is None else f" at {task.place}"
        what = "nothing" if task.wait is None else task.wait.what
        holder = None if task.wait is None else task.wait.holder
        held = "" if holder is None else f", held by thread {'itself' if holder is task else holder.name}"
        lines.append(f"thread {task.name}{at} waits for {what}{held}")
    return Failure(
        kind=Kind.DEADLOCK,
        words="deadlock: " + "; ".join(lines),
        task=stuck[0].index,
        stacks=_stacks(stuck),
        knot="; ".join(sorted({str(task.place) for task in _knot(telling)})),
    )


def _knot(stuck: list[Task]) -> Iterator[Task]:
    """Who is waited for in the end: those in a circle, and those that wait for nobody in particular."""
    for task in stuck:
        chain = [task]
        while (wait := chain[-1].wait) is not None and wait.holder is not None:
            if wait.holder in chain:
                yield from chain[chain.index(wait.holder) :]
                break
            chain.append(wait.holder)
        else:
            yield chain[-1]


def _stacks(stuck: list[Task]) -> tuple[Stack, ...]:
    """Taken while everybody still stands there."""
    frames = sys._current_frames()
    return tuple(
        Stack(
            thread=task.thread.name,
            frames=tuple((frame.f_code, line) for frame, line in traceback.walk_stack(frames.get(ident))),
        )
        for task in stuck
        if (ident := task.thread.ident) in frames
    )
