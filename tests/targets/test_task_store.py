"""The task store: claims, dependencies, refusals, and what is left when a writer dies or the disk refuses."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from soak.targets.privilege import obey_file_modes
from soak.targets.task_store import TaskStore
from soak.targets.tasks import (
    Owner,
    Status,
    Task,
    TaskLockError,
    TaskStateError,
    Unreadable,
    decode,
    encode,
)

ME = Owner.me()


@pytest.fixture
def store(tmp_path: Path) -> TaskStore:
    return TaskStore(tmp_path, "red", patience=10.0)


@pytest.fixture
def other() -> Iterator[Owner]:
    """A living process that is not this one."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield owner_of(process.pid)
        process.kill()


def owner_of(pid: int) -> Owner:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Owner(pid=pid, started=int(fields[19]))


def names(store: TaskStore) -> set[str]:
    return {path.name for path in store.folder.iterdir()}


def test_a_task_is_what_was_saved(store: TaskStore, tmp_path: Path) -> None:
    """Another store on the folder, as another process has one, reads the same; each team has its own."""
    task = store.create("dig")
    noted = store.note(task.id, "deep")
    assert (task.status, task.needs, noted.notes) == (Status.OPEN, (), ("deep",))
    assert TaskStore(tmp_path, "red").tasks() == [noted] == [store.get(task.id)]
    assert TaskStore(tmp_path, "blue").tasks() == []
    assert decode(encode(noted)) == noted


def test_one_claims_and_the_others_are_told_who(store: TaskStore, other: Owner) -> None:
    """The second claim is a TaskLockError that names the owner; a task given back can be claimed again."""
    task = store.create("dig")
    claimed = store.claim(task.id, other)
    assert (claimed.status, claimed.owner, claimed.taken_from) == (Status.CLAIMED, other, None)
    with pytest.raises(TaskLockError, match=str(other)) as told:
        store.claim(task.id, ME)
    assert (told.value.holder, told.value.since) == (other, claimed.claimed_at)
    assert store.get(task.id) == claimed
    store.release(task.id, other)
    assert store.claim(task.id, ME).taken_from is None


def test_what_a_task_is_not_ready_for_is_refused(store: TaskStore, other: Owner) -> None:
    """Blocked and done tasks cannot be claimed, another's neither released nor completed."""
    first = store.create("dig")
    blocked = store.create("fill", needs=(first.id,))
    with pytest.raises(TaskStateError, match="it is blocked"):
        store.claim(blocked.id, ME)
    store.claim(first.id, other)
    for act in (store.release, store.complete):
        with pytest.raises(TaskStateError, match="is not process"):
            act(first.id, ME)
    store.complete(first.id, other)
    with pytest.raises(TaskStateError, match="it is done"):
        store.claim(first.id, ME)
    with pytest.raises(TaskStateError, match="no task t9"):
        store.create("wave", needs=("t9",))
    assert len(store.tasks()) == 2


def test_the_last_completion_opens_a_dependant(store: TaskStore) -> None:
    """A task waits for all that it needs, is opened once, and one created later is open at once."""
    one, two = store.create("one"), store.create("two")
    both = store.create("both", needs=(one.id, two.id))
    store.claim(one.id, ME)
    assert store.complete(one.id, ME) == ()
    assert store.get(both.id).waits_for == (two.id,)
    store.claim(two.id, ME)
    assert [task.id for task in store.complete(two.id, ME)] == [both.id]
    assert store.get(both.id).status is Status.OPEN
    assert store.create("late", needs=(one.id,)).status is Status.OPEN


def test_a_wait_for_the_lock_is_bounded(tmp_path: Path) -> None:
    """Whoever holds the lock for too long makes others answer TaskLockError; nothing has changed."""
    store = TaskStore(tmp_path, "red", patience=0.01)
    task = store.create("dig")
    with FileLock(store.folder / ".lock"), pytest.raises(TaskLockError, match="lock of red was held"):
        store.note(task.id, "deep")
    assert store.get(task.id) == task


def test_threads_and_processes_lose_no_update(store: TaskStore) -> None:
    """Eight threads of two processes note on one task, and every note is there."""
    task = store.create("dig")

    def note_often(who: str) -> None:
        for number in range(5):
            store.note(task.id, f"{who} {number}")

    def work(who: str) -> None:
        threads = [threading.Thread(target=note_often, args=(f"{who}{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with in_child(lambda: work("child")):
        work("parent")
    assert len(set(store.get(task.id).notes)) == 40


def test_a_claim_is_taken_over_once_its_owner_is_gone(store: TaskStore) -> None:
    """Not while it is stopped, nor of one that has its id: only when the process is dead, even unburied."""
    task = store.create("dig")
    with subprocess.Popen(["sleep", "600"]) as process:
        owner = owner_of(process.pid)
        store.claim(task.id, owner)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(TaskLockError):
            store.claim(task.id, ME)
        assert store.recover().released == ()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert store.claim(task.id, ME).taken_from == owner
    assert owner.is_gone()
    assert Owner(pid=ME.pid, started=ME.started - 1).is_gone()
    assert not ME.is_gone()


def test_a_recovery_puts_away_what_the_dead_left(store: TaskStore) -> None:
    """Temporaries and claims of the dead are gone, those of the living stay."""
    dead, mine = store.create("dig"), store.create("fill")
    claimed = store.claim(dead.id, Owner(pid=ME.pid, started=1))
    store.claim(mine.id, ME)
    (store.folder / ".t0001.abc.tmp").write_text('{"id"')
    recovery = store.recover()
    assert (recovery.released, recovery.temporaries) == ((claimed,), 1)
    assert store.get(dead.id).status is Status.OPEN
    assert store.get(mine.id).owner == ME
    assert names(store) == {".lock", "t0001.json", "t0002.json"}


class Killed(Exception):
    """Stands in for SIGKILL at a place that no signal can be aimed at."""


@pytest.mark.parametrize("saves", range(4))
def test_a_completion_cut_short_is_finished_or_has_not_begun(tmp_path: Path, saves: int) -> None:
    """Wherever a completion of three files is cut, the next change finds none or all of it done."""
    whole = TaskStore(tmp_path, "red")
    first = whole.create("one")
    later = [whole.create("two", needs=(first.id,)), whole.create("three", needs=(first.id,))]
    whole.claim(first.id, ME)

    class Cut(TaskStore):
        left = saves

        def _replace(self, temporary: Path, path: Path) -> None:
            if not self.left:
                raise Killed
            self.left -= 1
            super()._replace(temporary, path)

    with pytest.raises(Killed):
        Cut(tmp_path, "red").complete(first.id, ME)
    whole.recover()
    done = saves > 0  # the first file that is moved into place is the log
    assert whole.get(first.id).status is (Status.DONE if done else Status.CLAIMED)
    assert {whole.get(task.id).status for task in later} == {Status.OPEN if done else Status.BLOCKED}
    assert names(whole) == {".lock", *(f"{task.id}.json" for task in whole.tasks())}


def test_a_full_disk_refuses_and_changes_nothing(store: TaskStore) -> None:
    """A write that is cut in the middle is an OSError; the task is as before, and no temporary is left."""
    task = store.create("dig")
    with file_limit(60), pytest.raises(OSError, match="File too large"):
        store.note(task.id, "deep")
    assert store.tasks() == [task]
    assert names(store) == {".lock", "t0001.json"}


def test_a_disk_that_fills_up_in_the_middle_undoes_no_answer(tmp_path: Path) -> None:
    """A completion whose log is written has happened: the next with the lock does what is left."""
    store = TaskStore(tmp_path, "red")
    first = store.create("one")
    later = store.create("two", needs=(first.id,))
    store.claim(first.id, ME)

    class FillsUp(TaskStore):
        def _redo(self) -> None:
            if (self.folder / ".redo").exists():
                raise OSError("full")

    assert [task.id for task in FillsUp(tmp_path, "red").complete(first.id, ME)] == [later.id]
    assert store.get(later.id).status is Status.BLOCKED
    assert store.claim(later.id, ME).status is Status.CLAIMED
    assert store.get(first.id).status is Status.DONE


def test_a_read_only_folder_refuses_and_changes_nothing(store: TaskStore) -> None:
    """Without the right to write there is an OSError, for root as well once it obeys modes."""
    task = store.create("dig")

    def note_in_vain() -> None:
        obey_file_modes()
        with pytest.raises(PermissionError):
            store.note(task.id, "deep")

    store.folder.chmod(0o555)
    with in_child(note_in_vain):
        pass
    store.folder.chmod(0o755)
    assert store.tasks() == [task]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"id": "t1"}', encode(Task(id="t", title="", status=Status.OPEN))[:-9]]
)
def test_what_is_no_task_is_unreadable(store: TaskStore, text: str) -> None:
    """A file that is empty, cut or something else is told as what it is."""
    (store.folder / "t0001.json").write_text(text)
    with pytest.raises(Unreadable, match="expected a task, got"):
        store.tasks()


@contextlib.contextmanager
def in_child(work: object) -> Iterator[None]:
    """Run ``work`` in a forked child meanwhile; it must end well."""
    assert callable(work)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    yield
    assert os.waitpid(pid, 0)[1] == 0


@contextlib.contextmanager
def file_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
