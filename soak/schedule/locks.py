"""Locks that park a controlled thread at its gate instead of in the kernel.

The truth of who holds is a real lock inside, so a thread that no schedule controls uses them as it would
the real ones.
"""

from __future__ import annotations

import sys
import threading
from types import TracebackType

from soak.schedule.task import Task, Unwind, Wait, get_ident, here, new_lock

STDLIB = (threading.__file__, __file__, "<")  # the last is code that a dataclass, say, has generated
FOREIGN_POLL = 0.05
"""Real seconds between two looks at a lock that a thread outside the schedule holds."""


class Lock:
    """What `threading.Lock()` makes while a schedule runs."""

    noun = "Lock"

    def __init__(self) -> None:
        self._real = new_lock()
        self._holder: Task | None = None
        self._waiters: list[Task] = []
        self._made = _maker()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `threading.Lock.acquire`; a timeout passes in virtual time."""
        task = here()
        if task is None:
            return self._acquire_outside(blocking, timeout)
        conductor = task.conductor
        conductor.touch(task, "acquire")
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        deadline = None if timeout < 0 else conductor.now + timeout
        while not self._real.acquire(False):
            if not blocking or timeout == 0:
                return False
            if self._holder is not None and self._holder.conductor is not conductor:
                self._at_fork_reinit()  # left behind by an earlier schedule
                continue
            if self._holder is None:
                conductor.foreign.add(
                    f"{self.noun} ({self._made}) is held by a thread that is not controlled"
                )
                if conductor.over is not None:
                    raise Unwind
                if self._real.acquire(True, FOREIGN_POLL):
                    break
                continue
            self._waiters.append(task)
            try:
                wait = Wait(self._words(task), self._holder_of_wait(task), on=self)
                woken = conductor.block(task, wait, deadline)
            finally:
                if task in self._waiters:
                    self._waiters.remove(task)
            if not woken and not self._real.acquire(False):
                return False
            if not woken:
                break
        self._holder = task
        conductor.sync(task, self)
        return True

    def release(self) -> None:
        """As `threading.Lock.release`."""
        task = here()
        self._holder = None
        if task is not None:
            task.conductor.sync(task, self)
        try:
            self._real.release()
        except RuntimeError:
            if task is None or task.conductor.over is None:
                raise
        self._wake()

    def locked(self) -> bool:
        """As `threading.Lock.locked`."""
        return self._real.locked()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.conductor.wake(waiter)

    def _acquire_outside(self, blocking: bool, timeout: float) -> bool:
        got = self._real.acquire(blocking, timeout)
        if got:
            self._holder = None
        return got

    def _words(self, task: Task) -> str:
        if self._made.startswith("wait "):
            return "a notify"
        return f"the {self.noun} made at {self._made}"

    def _holder_of_wait(self, task: Task) -> Task | None:
        return None if self._made.startswith("wait ") else self._holder

    def _is_owned(self) -> bool:
        return self._real.locked()

    def _at_fork_reinit(self) -> None:
        self._real = new_lock()
        self._holder = None
        self._waiters = []

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<{'locked' if self.locked() else 'unlocked'} soak {self.noun} made at {self._made}>"


class RLock(Lock):
    """What `threading.RLock()` makes while a schedule runs."""

    noun = "RLock"

    def __init__(self) -> None:
        super().__init__()
        self._owner = 0
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `threading.RLock.acquire`."""
        me = get_ident()
        if self._owner == me and self._holder is here():
            self._count += 1
            return True
        if super().acquire(blocking, timeout):
            self._owner, self._count = me, 1
            return True
        return False

    def release(self) -> None:
        """As `threading.RLock.release`."""
        if self._owner != get_ident():
            task = here()
            if task is not None and task.conductor.over is not None:
                return
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if self._count == 0:
            self._owner = 0
            super().release()

    def _is_owned(self) -> bool:
        return self._owner == get_ident()

    def _recursion_count(self) -> int:
        return self._count if self._owner == get_ident() else 0

    def _release_save(self) -> tuple[int, int]:
        state = (self._count, self._owner)
        self._count, self._owner = 0, 0
        super().release()
        return state

    def _acquire_restore(self, state: tuple[int, int]) -> None:
        super().acquire()
        self._count, self._owner = state

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._owner, self._count = 0, 0

    def __enter__(self) -> bool:
        return self.acquire()


def _maker() -> str:
    """Where the lock was made, beneath the standard library's own layers."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(STDLIB) and frame.f_back is not None:
        if frame.f_code.co_name == "wait":
            return f"wait {frame.f_lineno}"
        frame = frame.f_back
    code = frame.f_code
    return f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
