"""The task store with one defect planted in each: the canaries of lock, files, claims and dependencies.

Each is a subclass that overrides one protected step of the store, so that the store itself has no switch. A
docstring's first line names the defect; the promise that it breaks is in ``soak.targets.task_promises``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from soak.targets.task_store import Task, TaskStore


class NoLock(TaskStore):
    """A change reads, modifies and writes without the lock."""

    @contextlib.contextmanager
    def _team_lock(self) -> Iterator[None]:
        yield


class ReadBeforeLock(TaskStore):
    """A change waits for the lock with what it read before."""

    def _change(self, task_id: str, change: Callable[[Task], Task]) -> Task:
        changed = change(self._read(task_id))
        with self._team_lock():
            self._save(changed)
            return changed


class SharedTemporary(TaskStore):
    """There is one temporary name for the whole store, and teams have locks of their own."""

    def _temporary(self, path: Path) -> Path:
        return self._root / ".tmp"


class ReleasedBeforeReplace(TaskStore):
    """The lock is released before the slow part: file written, synced and moved into place come after it."""

    def _change(self, task_id: str, change: Callable[[Task], Task]) -> Task:
        with self._team_lock():
            changed = change(self._read(task_id))
        self._save(changed)
        return changed


class TrustsAge(TaskStore):
    """A claim counts as stale once it is old, whoever lives."""

    def _is_stale(self, task: Task) -> bool:
        return time.time() - task.claimed_at > 0.05


class FreedFirst(TaskStore):
    """The tasks that a completion frees are saved before the completed one, each for itself."""

    def _save_together(self, done: Task, freed: Sequence[Task]) -> None:
        for task in (*freed, done):
            self._save(task)
