"""A store of tasks in files, shared by processes without a server: a JSON file per task, a lock per team.

Every change happens under the team's lock and begins by reading what is there. A file appears whole: it is
written beside, synced and moved into place. A change of several tasks is logged first, and whoever has the
lock next finishes what its author could not. Reading takes no lock.

The lock is the kernel's (``flock``, through the `filelock` package), so it is free the moment that its owner
dies. A claim outlives its owner; it may be taken over once that process is gone, and not before.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from soak.author import doing
from soak.targets.tasks import (
    Owner,
    Recovery,
    Status,
    Task,
    TaskError,
    TaskLockError,
    TaskStateError,
    Unreadable,
    decode,
    encode,
)

__all__ = [
    "Owner",
    "Recovery",
    "Status",
    "Task",
    "TaskError",
    "TaskLockError",
    "TaskStateError",
    "TaskStore",
    "Unreadable",
]

#: Seconds between two tries for the lock: the kernel wakes nobody who may not wait for ever.
_POLL = 0.002


class TaskStore:
    """The tasks of one team. Any number of processes and threads may each have one on the same folder."""

    def __init__(self, root: Path, team: str, *, patience: float = 2.0) -> None:
        """Open, or make, the tasks of ``team`` below ``root``; wait at most ``patience`` s for its lock."""
        self._root = root
        self._folder = root / team
        self._patience = patience
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def folder(self) -> Path:
        """Where the team's files are."""
        return self._folder

    # -- reading -------------------------------------------------------------------------------------------

    def get(self, task_id: str) -> Task:
        """The task as it was last saved.

        Raises:
            TaskStateError: there is none of this name.
            Unreadable: its file is no task.
        """
        return self._read(task_id)

    def tasks(self) -> list[Task]:
        """All tasks, each as it was last saved, in the order of their creation."""
        return [self._read(task_id) for task_id in self._ids()]

    # -- changes -------------------------------------------------------------------------------------------
    # All raise TaskLockError where the lock was not to be had in time: nothing has changed then. An OSError
    # says that the disk refused, either the change or its making it last.

    def create(self, title: str, *, needs: Sequence[str] = ()) -> Task:
        """A new task, open if all that it ``needs`` is done, else blocked.

        Raises:
            TaskStateError: it needs a task that does not exist.
        """
        with doing("create"), self._team_lock():
            missing = tuple(each for each in needs if self._read(each).status is not Status.DONE)
            task = Task(
                id=f"t{len(self._ids()) + 1:04d}",
                title=title,
                status=Status.BLOCKED if missing else Status.OPEN,
                needs=tuple(needs),
                waits_for=missing,
            )
            self._save(task)
            return task

    def claim(self, task_id: str, owner: Owner) -> Task:
        """The task, which is ``owner``'s from now on; ``taken_from`` says whose it was, if that one is gone.

        Raises:
            TaskLockError: it is another's, who lives.
            TaskStateError: it is blocked, or done.
        """

        def change(task: Task) -> Task:
            if task.status is Status.CLAIMED and not self._is_stale(task):
                raise TaskLockError(f"{task_id} is {task.owner}'s", holder=task.owner, since=task.claimed_at)
            if task.status not in (Status.OPEN, Status.CLAIMED):
                raise TaskStateError(f"{task_id} cannot be claimed: it is {task.status.value}")
            return replace(
                task, status=Status.CLAIMED, owner=owner, claimed_at=time.time(), taken_from=task.owner
            )

        with doing("claim"):
            return self._change(task_id, change)

    def release(self, task_id: str, owner: Owner) -> Task:
        """Give a claimed task back.

        Raises:
            TaskStateError: it is not ``owner``'s.
        """
        with doing("release"):
            return self._change(task_id, lambda task: _opened(_of(task, owner)))

    def note(self, task_id: str, text: str) -> Task:
        """Add a note to a task; anybody may."""
        with doing("note"):
            return self._change(task_id, lambda task: replace(task, notes=(*task.notes, text)))

    def complete(self, task_id: str, owner: Owner) -> tuple[Task, ...]:
        """The task is done; returns the tasks that waited for nothing else and are open now.

        Raises:
            TaskStateError: it is not ``owner``'s.
        """
        with doing("complete"), self._team_lock():
            task = _of(self._read(task_id), owner)
            done = replace(task, status=Status.DONE, owner=None)
            freed = [_freed(each, task_id) for each in self.tasks() if task_id in each.waits_for]
            self._save_together(done, freed)
            return tuple(each for each in freed if each.status is Status.OPEN)

    def recover(self) -> Recovery:
        """Put away what dead processes left: half a change, temporaries, claims. To begin with."""
        with doing("recover"), self._team_lock():
            leftovers = [each for each in self._folder.iterdir() if each.suffix == ".tmp"]
            for path in leftovers:  # nobody writes: we have the lock
                path.unlink(missing_ok=True)
            stale = [task for task in self.tasks() if task.status is Status.CLAIMED and self._is_stale(task)]
            for task in stale:
                self._save(_opened(task))
            return Recovery(released=tuple(stale), temporaries=len(leftovers))

    # -- steps ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _team_lock(self) -> Iterator[None]:
        """The team's lock, with no change of anybody's half done."""
        lock = FileLock(self._folder / ".lock")
        try:
            lock.acquire(timeout=self._patience, poll_interval=_POLL)
        except Timeout as error:
            raise TaskLockError(f"the lock of {self._folder.name} was held for {self._patience} s") from error
        try:
            self._redo()
            yield
        finally:
            lock.release()

    def _change(self, task_id: str, change: Callable[[Task], Task]) -> Task:
        """Read, change and save one task under the lock."""
        with self._team_lock():
            changed = change(self._read(task_id))
            self._save(changed)
            return changed

    def _save(self, task: Task) -> None:
        path = self._path(task.id)
        self._replace(self._write(path, encode(task)), path)

    def _save_together(self, done: Task, freed: Sequence[Task]) -> None:
        """Save a completed task and those that it freed, all or none of them."""
        if not freed:
            self._save(done)
            return
        log = self._folder / ".redo"
        self._replace(self._write(log, json.dumps([encode(task) for task in (done, *freed)])), log)
        # From here on it has happened. If this process cannot finish it, the next one with the lock does.
        with contextlib.suppress(OSError):
            self._redo()

    def _redo(self) -> None:
        """Finish a change that was logged. Doing it twice does no harm: nothing else happens in between."""
        log = self._folder / ".redo"
        if log.exists():
            for text in json.loads(log.read_text()):
                self._save(decode(text))
            log.unlink()

    def _write(self, path: Path, text: str) -> Path:
        """A temporary file that holds ``text`` for certain, to be moved to ``path``."""
        temporary = self._temporary(path)
        try:
            with temporary.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        return temporary

    def _replace(self, temporary: Path, path: Path) -> None:
        temporary.replace(path)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _temporary(self, path: Path) -> Path:
        return self._folder / f".{path.stem}.{uuid.uuid4().hex}.tmp"

    def _is_stale(self, task: Task) -> bool:
        """Whether the process that claimed ``task`` is really gone. Its silence proves nothing."""
        return task.owner is not None and task.owner.is_gone()

    def _read(self, task_id: str) -> Task:
        try:
            text = self._path(task_id).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise TaskStateError(f"there is no task {task_id} in {self._folder.name}") from None
        return decode(text)

    def _ids(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("t*.json"))

    def _path(self, task_id: str) -> Path:
        return self._folder / f"{task_id}.json"


def _of(task: Task, owner: Owner) -> Task:
    if task.owner != owner:
        raise TaskStateError(f"{task.id} is not {owner}'s but {task.owner or 'nobody'}'s")
    return task


def _opened(task: Task) -> Task:
    return replace(task, status=Status.OPEN, owner=None)


def _freed(task: Task, done: str) -> Task:
    left = tuple(each for each in task.waits_for if each != done)
    return replace(task, waits_for=left, status=Status.BLOCKED if left else Status.OPEN)
