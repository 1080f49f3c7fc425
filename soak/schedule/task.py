"""A thread under control: where it stands, what it waits for, and the gate it is parked at."""

from __future__ import annotations

import _thread
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soak.schedule.conductor import Conductor
    from soak.schedule.places import Place

# Taken before anything is replaced: what the conductor itself is built of.
new_lock = _thread.allocate_lock
get_ident = _thread.get_ident


class Unwind(BaseException):
    """Ends a thread whose schedule is over; no `except Exception` of the target swallows it."""


class Wait:
    """What a blocked thread waits for, in words, who could give it, and what that is."""

    __slots__ = ("holder", "on", "what")

    def __init__(self, what: str, holder: Task | None = None, on: object = None) -> None:
        self.what = what
        self.holder = holder
        self.on = on


class Task:
    """One controlled thread of one schedule. `index` is its rank by creation; the function itself is 0."""

    __slots__ = (
        "blocks", "conductor", "daemon", "deadline", "done", "ended", "expired", "fresh", "gate", "index",
        "inside",
        "joiners", "kind", "name", "parent", "place", "sleeping", "streak", "thread", "unwinding", "wait",
        "yields",
    )  # fmt: skip

    def __init__(
        self, conductor: Conductor, index: int, thread: threading.Thread, kind: str, parent: int
    ) -> None:
        self.conductor = conductor
        self.index = index
        self.thread = thread
        self.kind = kind
        self.name = "main" if index == 0 else letters(index)
        self.parent = parent
        self.daemon = thread.daemon
        self.gate = new_lock()
        self.gate.acquire()
        self.ended = new_lock()
        self.ended.acquire()
        self.yields = 0
        self.blocks = 0
        self.streak = 0
        self.wait: Wait | None = None
        self.deadline: float | None = None
        self.sleeping = False
        self.expired = False
        self.done = False
        self.fresh = False
        self.inside = False
        self.unwinding = False
        self.place: Place | None = None
        self.joiners: list[Task] = []


def letters(index: int) -> str:
    """1 → A, 26 → Z, 27 → AA: the name of a thread in tokens' stories."""
    name = ""
    while index > 0:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


# Every controlled thread that lives, by ident. One table for all schedules, so that a thread that outlived
# its own schedule still meets its own conductor and is ended by it.
TASKS: dict[int, Task] = {}


def here() -> Task | None:
    """The controlled thread that calls, or None for a thread that no schedule knows."""
    return TASKS.get(get_ident())
