"""`queue.SimpleQueue`, which is written in C and blocks there, for controlled threads."""

from __future__ import annotations

import queue
import types
from collections import deque
from typing import Any

from soak.schedule.task import Task, Wait, here, new_lock


class SimpleQueue:
    """What `queue.SimpleQueue()` makes while a schedule runs."""

    __class_getitem__ = classmethod(types.GenericAlias)  # type: ignore[var-annotated]

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._waiters: list[Task] = []
        self._real = new_lock()  # held while the queue is empty, for threads outside the schedule
        self._real.acquire()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """As `queue.SimpleQueue.put`: never blocks."""
        task = here()
        if task is not None:
            task.conductor.touch(task, "put")
            task.conductor.sync(task, self)
        self._items.append(item)
        if self._real.locked():
            self._real.release()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.conductor.wake(waiter)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """As `queue.SimpleQueue.get`; a timeout passes in virtual time."""
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        task = here()
        if task is None:
            return self._get_outside(block, timeout)
        conductor = task.conductor
        conductor.touch(task, "get")
        deadline = None if timeout is None else conductor.now + timeout
        while not self._items:
            if not block:
                raise queue.Empty
            self._waiters.append(task)
            try:
                woken = conductor.block(task, Wait("an item of a SimpleQueue", on=self), deadline)
            finally:
                if task in self._waiters:
                    self._waiters.remove(task)
            if not woken and not self._items:
                raise queue.Empty
        conductor.sync(task, self)
        return self._items.popleft()

    def _get_outside(self, block: bool, timeout: float | None) -> Any:
        while True:
            if self._items:
                return self._items.popleft()
            self._real.acquire(False)
            if not self._items and not (
                block and self._real.acquire(True, -1 if timeout is None else timeout)
            ):
                raise queue.Empty

    def put_nowait(self, item: Any) -> None:
        """As `queue.SimpleQueue.put_nowait`."""
        self.put(item)

    def get_nowait(self) -> Any:
        """As `queue.SimpleQueue.get_nowait`."""
        return self.get(block=False)

    def empty(self) -> bool:
        """As `queue.SimpleQueue.empty`."""
        return not self._items

    def qsize(self) -> int:
        """As `queue.SimpleQueue.qsize`."""
        return len(self._items)
