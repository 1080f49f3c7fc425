"""The values of the task store: tasks, their owners, what may be said of them, and their text in a file.

Standard library only.
"""

from __future__ import annotations

import enum
import importlib.util
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from soak.author import Missing, Ready


class TaskError(Exception):
    """What the store answers instead of doing it."""


class TaskLockError(TaskError):
    """Another has the task, or the team's lock. ``since`` in Unix seconds, 0 for the lock."""

    def __init__(self, message: str, *, holder: Owner | None = None, since: float = 0.0) -> None:
        super().__init__(message)
        self.holder = holder
        self.since = since


class TaskStateError(TaskError):
    """The task is not in a state for that, or there is none."""


class Unreadable(TaskError):
    """A task's file holds something else than a task."""


class Status(enum.Enum):
    """Where a task stands. Done is for ever."""

    BLOCKED = "blocked"
    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process, told from all that ever had its id by when it ``started`` (clock ticks since the boot)."""

    pid: int
    started: int

    def __str__(self) -> str:
        return f"process {self.pid}"

    @classmethod
    def me(cls) -> Owner:
        """The calling process."""
        return cls(pid=os.getpid(), started=_started(os.getpid()))

    def is_gone(self) -> bool:
        """Whether the process has ended. One that is stopped, or slow, has not."""
        return _started(self.pid) != self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task as it was saved. ``waits_for`` is what is not done of what it ``needs``.

    ``owner`` has it while it is claimed, since ``claimed_at`` (Unix seconds); ``taken_from`` is the dead
    process that had it before, if it was taken over.
    """

    id: str
    title: str
    status: Status
    needs: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    owner: Owner | None = None
    claimed_at: float = 0.0
    taken_from: Owner | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What a recovery found: claims of dead processes, as they were, and how many temporary files."""

    released: tuple[Task, ...]
    temporaries: int


def encode(task: Task) -> str:
    """A task as its file's text."""
    return json.dumps({**asdict(task), "status": task.status.value}, indent=1)


def decode(text: str) -> Task:
    """The task that :func:`encode` made ``text`` of.

    Raises:
        Unreadable: it was not.
    """
    try:
        record = json.loads(text)
        return Task(
            id=record["id"],
            title=record["title"],
            status=Status(record["status"]),
            needs=tuple(record["needs"]),
            waits_for=tuple(record["waits_for"]),
            owner=_owner(record["owner"]),
            claimed_at=record["claimed_at"],
            taken_from=_owner(record["taken_from"]),
            notes=tuple(record["notes"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"expected a task, got {text[:80]!r} ({len(text)} characters)") from error


def _owner(record: dict[str, int] | None) -> Owner | None:
    return None if record is None else Owner(**record)


def _started(pid: int) -> int:
    """When a process started, in clock ticks since the boot; -1 where there is none that runs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])


def filelock_installed() -> Ready | Missing:
    """The store's lock comes from a package that an environment of the user's own may lack."""
    if importlib.util.find_spec("filelock") is not None:
        return Ready()
    return Missing(reason="the package filelock is not installed", remedy="pip install filelock")
