"""`threading.Thread`, so that starting, joining and ending are the conductor's.

A controlled thread is a real one. It parks inside its `_started.set()`, before it runs anything of the
target, and hands over in its `_delete()`, after the last. Underneath it is always a daemon, so that one
that cannot be ended keeps no interpreter from exiting.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any

from soak.schedule.points import Points
from soak.schedule.task import TASKS, Task, Unwind, Wait, get_ident, here, new_lock

real_init = threading.Thread.__init__
real_start = threading.Thread.start
real_join = threading.Thread.join
real_is_alive = threading.Thread.is_alive
real_delete = threading.Thread._delete  # type: ignore[attr-defined]
real_excepthook = threading.excepthook

_ranks = itertools.count(1)


class Started:
    """Stands in for a thread's `_started` event: setting it parks the new thread at its gate."""

    def __init__(self, task: Task, points: Points) -> None:
        self._task = task
        self._points = points
        self._set = False
        self._go = new_lock()
        self._go.acquire()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        task = self._task
        TASKS[get_ident()] = task
        self._set = True
        self._go.release()
        task.gate.acquire()
        if task.conductor.over is not None:
            task.thread.run = _nothing  # type: ignore[method-assign]
        else:
            task.conductor.sync(task, task)
            self._points.enter_thread()

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            self._go.acquire()
        return True


def _nothing() -> None:
    """What a thread runs whose schedule ended before it began."""


def launch(thread: threading.Thread, task: Task, points: Points) -> None:
    """Make the real thread and wait until it is parked."""
    inner: Any = thread
    inner._soak_task = task
    inner._started = Started(task, points)
    daemon, inner._daemonic = inner._daemonic, True
    try:
        real_start(thread)
    finally:
        inner._daemonic = daemon


def replacements(points: Points) -> dict[str, Callable[..., Any]]:
    """The methods of `threading.Thread` while schedules run. Threads outside a schedule get the real ones."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if here() is not None:
            self._soak_rank = next(_ranks)
        real_init(self, *args, **kwargs)

    def start(self: Any) -> None:
        parent = here()
        if parent is None or not getattr(self, "_initialized", False) or self._started.is_set():
            real_start(self)
            return
        conductor = parent.conductor
        if conductor.over is not None:
            raise Unwind
        task = conductor.adopt(self, kind_of(self), parent)
        conductor.sync(parent, task)
        launch(self, task, points)
        conductor.touch(parent, "start")

    def join(self: Any, timeout: float | None = None) -> None:
        me, other = here(), _task(self)
        if me is None or other is None or me is other or other.conductor is not me.conductor:
            real_join(self, timeout)
            return
        conductor = me.conductor
        conductor.touch(me, "join")
        deadline = None if timeout is None else conductor.now + max(timeout, 0)
        while not other.done:
            other.joiners.append(me)
            if not conductor.block(me, Wait(f"thread {other.name} to end", on=other), deadline):
                other.joiners.remove(me)
                return
        conductor.sync(me, other)

    def is_alive(self: Any) -> bool:
        me, task = here(), _task(self)
        if me is None or task is None:
            return real_is_alive(self)
        me.conductor.sync(me, task)
        return not task.done

    def _delete(self: Any) -> None:
        real_delete(self)
        task = _task(self)
        if task is not None and not task.done:
            task.conductor.finish(task)
            task.ended.release()

    return {"__init__": __init__, "start": start, "join": join, "is_alive": is_alive, "_delete": _delete}


def excepthook(args: Any) -> None:
    """Takes the place of `threading.excepthook`: what a controlled thread did not catch is a finding."""
    task = here()
    if task is None:
        real_excepthook(args)
    elif args.exc_value is not None:
        task.conductor.fail(task, args.exc_value)


def kind_of(thread: Any) -> str:
    """What the thread runs; two threads of one kind are likely to be interchangeable."""
    parts = [getattr(thread, "_target", None), *getattr(thread, "_args", ())]
    names = [_callable_name(part) for part in parts if callable(part)]
    return " ".join(names) or type(thread).__qualname__


def _callable_name(part: Any) -> str:
    while isinstance(part, functools.partial):
        part = part.func
    return str(getattr(part, "__qualname__", None) or type(part).__qualname__)


def rank_hash(self: Any) -> int:
    """Threads of a schedule hash by creation, so that a set of them is iterated in the same order every
    time.
    """
    rank = self.__dict__.get("_soak_rank")
    return object.__hash__(self) if rank is None else rank


def restart_ranks() -> None:
    """A schedule begins: ranks and default names count from one again."""
    global _ranks
    _ranks = itertools.count(1)


def _task(thread: Any) -> Task | None:
    task = thread.__dict__.get("_soak_task")
    return task if isinstance(task, Task) else None
