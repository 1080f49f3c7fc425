"""Each canary of the task store has its planted defect and nothing else; the store has none of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from soak.canaries import task_store
from soak.targets.task_store import TaskStore
from soak.targets.tasks import Owner, Status, TaskError, TaskLockError, encode

Kind = type[TaskStore]
ME = Owner.me()

CANARIES = {
    name: kind
    for name, kind in vars(task_store).items()
    if inspect.isclass(kind) and issubclass(kind, TaskStore) and kind is not TaskStore
}


def changes_without_the_lock(kind: Kind, root: Path) -> bool:
    """Is a task changed while somebody else has the lock?"""
    store = kind(root, "red", patience=0.0)
    task = store.create("dig")
    try:
        with FileLock(store.folder / ".lock"):
            store.note(task.id, "deep")
    except TaskLockError:
        return False
    return True


def reads_before_the_lock(kind: Kind, root: Path) -> bool:
    """Is a task read when nobody has the lock yet?"""
    reads: list[bool] = []

    class Probe(kind):  # type: ignore[misc, valid-type]
        def _read(self, task_id: str) -> object:
            reads.append(is_locked(self))
            return super()._read(task_id)

    probe = Probe(root, "red")
    task = probe.create("dig")
    reads.clear()
    probe.note(task.id, "deep")
    return not reads[0] and kind is not task_store.NoLock


def writes_to_one_name(kind: Kind, root: Path) -> bool:
    """Have two teams one temporary name?"""
    red, blue = kind(root, "red"), kind(root, "blue")
    return red._temporary(red.folder / "t1.json") == blue._temporary(blue.folder / "t1.json")


def replaces_without_the_lock(kind: Kind, root: Path) -> bool:
    """Is a file moved into place when nobody has the lock any more?"""
    replaced: list[bool] = []

    class Probe(kind):  # type: ignore[misc, valid-type]
        def _replace(self, temporary: Path, path: Path) -> None:
            replaced.append(is_locked(self))
            super()._replace(temporary, path)

    probe = Probe(root, "red")
    task = probe.create("dig")
    replaced.clear()
    probe.note(task.id, "deep")
    return replaced == [False] and kind is not task_store.NoLock


def takes_old_claims(kind: Kind, root: Path) -> bool:
    """Is an old claim of a living process taken over?"""
    store = kind(root, "red")
    task = store.create("dig")
    claimed = store.claim(task.id, ME)
    store._path(task.id).write_text(encode(replace(claimed, claimed_at=1.0)))
    try:
        store.claim(task.id, ME)
    except TaskError:
        return False
    return True


def frees_first(kind: Kind, root: Path) -> bool:
    """Is a dependant saved as open before its parent is saved as done?"""
    open_too_early: list[bool] = []

    class Probe(kind):  # type: ignore[misc, valid-type]
        def _replace(self, temporary: Path, path: Path) -> None:
            super()._replace(temporary, path)
            tasks = self.tasks()
            open_too_early.append(tasks[-1].status is Status.OPEN and tasks[0].status is not Status.DONE)

    probe = Probe(root, "red")
    first = probe.create("one")
    probe.create("two", needs=(first.id,))
    probe.claim(first.id, ME)
    open_too_early.clear()
    probe.complete(first.id, ME)
    return any(open_too_early)


def is_locked(store: TaskStore) -> bool:
    """Whether somebody has the team's lock."""
    lock = FileLock(store.folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except TimeoutError:
        return True
    lock.release()
    return False


DEFECTS: dict[str, Callable[[Kind, Path], bool]] = {
    "NoLock": changes_without_the_lock,
    "ReadBeforeLock": reads_before_the_lock,
    "SharedTemporary": writes_to_one_name,
    "ReleasedBeforeReplace": replaces_without_the_lock,
    "TrustsAge": takes_old_claims,
    "FreedFirst": frees_first,
}


def test_every_canary_has_its_defect_described() -> None:
    """No canary of the module is left out here."""
    assert set(CANARIES) == set(DEFECTS)


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("name", [*DEFECTS, "TaskStore"])
def test_a_canary_has_its_own_defect_only(name: str, defect: str, tmp_path: Path) -> None:
    """A probe finds the defect in its canary, and in no other nor in the correct store."""
    kind = CANARIES.get(name, TaskStore)
    assert DEFECTS[defect](kind, tmp_path) == (name == defect)
