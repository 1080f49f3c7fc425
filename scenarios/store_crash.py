"""Writers of a shared store are killed and stopped, its disk fills up and becomes read-only: it recovers."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import resource
import signal
import stat
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soak
from soak.targets.journal import Journal
from soak.targets.privilege import obey_file_modes
from soak.targets.task_promises import Judge, Team
from soak.targets.tasks import Status, Task, TaskLockError, TaskStateError, filelock_installed

#: Seconds that anybody waits for the lock, and within which the answer must be there on a busy machine.
PATIENCE, BOUND = 0.15, 3.0
#: Bytes that a file may have while the disk is full: the beginning of any task fits.
FULL = 60
MOST_TASKS, FEWEST_OPEN = 25, 2

BOUNDED = "a stopped process blocks the others for a bounded time"
TIDY = "after a recovery no temporary file and no half change is left"
UNCLAIMED = "after a recovery nobody who is gone has a task"


@dataclass(slots=True, kw_only=True)
class Office:
    """One team's store. Each process has its own copy, and tells the journal what it does."""

    team: Team
    journal: Journal
    heart: str
    settled: set[int] = field(default_factory=set)


@soak.scenario(seconds=1.2, target="soak.targets.task_store:TaskStore", needs=(filelock_installed,))
def store_crash(target: Any, rng: random.Random) -> Generator[Office, None, None]:
    """Writers die, stop and are refused by the disk, at any moment; what they were told stays true.

    A writer that was killed has a successor, which recovers and goes on. While one is stopped, the others get
    their answer within a bound. In the end the store is recovered once more, and nothing may be half done.
    """
    journal = Journal()
    with tempfile.TemporaryDirectory() as folder:
        team = Team(target, Path(folder), "red", PATIENCE, journal)
        yield Office(team=team, journal=journal, heart=team.create("the heart").id)
    journal.close()


died_working = store_crash.sometimes("a process was killed that had claimed a task")
released = store_crash.sometimes("a recovery released the claim of a process that was gone")
taken_over = store_crash.sometimes("a claim was taken over from a process that was gone")
litter = store_crash.sometimes("a recovery removed what a killed process had begun to write")
out_waited = store_crash.sometimes("a wait for the lock of a stopped process came to its end")
disk_full = store_crash.sometimes("a change was refused because the disk was full")
read_only = store_crash.sometimes("a change was refused because the folder was read-only")
opened = store_crash.sometimes("a completion opened a task that waited for it")


class DiskRefused(Exception):
    """The disk did what its nemeses make it do."""


@contextlib.contextmanager
def on_a_bad_disk() -> Iterator[None]:
    """Refusals of the disk that are to be expected, and no others."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EFBIG):
            raise
        read_only(error.errno == errno.EACCES)
        disk_full(error.errno == errno.EFBIG)
        raise DiskRefused from error


@store_crash.operation(processes=3, mortal=True, expects=(TaskLockError, TaskStateError, DiskRefused))
def work(office: Office, rng: random.Random) -> object:
    """Claim a task, work on it, complete it or give it back; a new process recovers first."""
    team = office.team
    with on_a_bad_disk():
        begin(office)
        task = choose(team, rng)
        mine = team.claim(task.id)
        taken_over(mine.taken_from is not None)
        time.sleep(rng.uniform(0.0, 0.01))
        team.note(task.id, rng)
        if rng.random() < 0.2:
            return team.release(task.id)
        freed = team.complete(task.id)
        opened(freed)
        return freed


@store_crash.operation(processes=1, mortal=True, expects=(TaskLockError, DiskRefused))
def plan(office: Office, rng: random.Random) -> object:
    """Add a task that needs one that is being worked on, or note on one."""
    team = office.team
    with on_a_bad_disk():
        begin(office)
        tasks = team.look()
        busy = [task.id for task in tasks if task.status is Status.CLAIMED]
        if busy and len(tasks) < MOST_TASKS:
            return team.create("a later one", (rng.choice(busy),))
        if not tasks:  # a task that cannot be read was told
            return None
        return team.note(rng.choice(tasks).id, rng)


@store_crash.operation(processes=1)
def read(office: Office, rng: random.Random) -> object:
    """Look at every task without the lock, as a display does."""
    office.team.look()
    time.sleep(0.001)
    return None


@store_crash.nemesis(every=0.06)
def kill(office: Office, rng: random.Random) -> None:
    """SIGKILL to a writer, wherever it is."""
    pid = a_writer(rng)
    if pid:
        send(pid, signal.SIGKILL)
        died_working(any(task.owner is not None and task.owner.pid == pid for task in office.team.look()))


@store_crash.nemesis(every=0.1)
def stop(office: Office, rng: random.Random) -> None:
    """SIGSTOP to a writer, with the lock or without; the others must get an answer all the same."""
    pid = a_writer(rng)
    if not pid:
        return
    send(pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        office.team.note(office.heart, rng)
    except TaskLockError:
        out_waited()
    except PermissionError:
        read_only()  # unless we are root
    finally:
        soak.always(time.monotonic() - began < BOUND, BOUNDED, seconds=time.monotonic() - began)
        send(pid, signal.SIGCONT)


@store_crash.nemesis(every=0.15)
def fill_disk(office: Office, rng: random.Random) -> None:
    """For a while a writer's files cannot grow: each write stops in the middle of a task."""
    pid = a_writer(rng)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if pid:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL, hard))
            time.sleep(rng.uniform(0.02, 0.06))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@store_crash.nemesis(every=0.25)
def forbid_writing(office: Office, rng: random.Random) -> None:
    """For a while the folder is read-only."""
    folder = office.team.store.folder
    mode = stat.S_IMODE(folder.stat().st_mode)
    folder.chmod(mode & ~0o222)
    try:
        time.sleep(rng.uniform(0.01, 0.05))
    finally:
        folder.chmod(mode)


@store_crash.invariant("the processes' journal has room", every=0.01)
def keep_journal(office: Office) -> bool:
    office.journal.read()
    return True


@store_crash.check("after a recovery the store is whole, and agrees with what its users were told")
def recovers(office: Office) -> bool:
    team = office.team
    team.recover()
    left = [path.name for path in team.store.folder.iterdir() if path.suffix != ".json"]
    soak.always(set(left) <= {".lock"}, TIDY, left=left)
    gone = [task.id for task in team.look() if task.owner is not None and task.owner.is_gone()]
    soak.always(not gone, UNCLAIMED, tasks=gone)
    Judge(team).judge()
    return True


def begin(office: Office) -> None:
    """In a process that has just been born: obey file modes as root too, and recover."""
    if os.getpid() not in office.settled:
        obey_file_modes()
        recovery = office.team.recover()
        released(recovery.released)
        litter(recovery.temporaries)
        office.settled.add(os.getpid())


def choose(team: Team, rng: random.Random) -> Task:
    """A task to be had, or one that another has; a new one where there are too few."""
    tasks = team.look()
    wanted = [task for task in tasks if task.status is Status.OPEN]
    if len(wanted) < FEWEST_OPEN and len(tasks) < MOST_TASKS:
        return team.create("one more")
    return rng.choice([task for task in tasks if task.status in (Status.OPEN, Status.CLAIMED)] or tasks)


def a_writer(rng: random.Random) -> int:
    """One of the processes that write, or 0 where none lives just now."""
    return rng.choice(soak.processes("work", "plan") or (0,))


def send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
