"""Where schedules run: the primitives replaced, the target's events reported, and everything put back at
the end.
"""

from __future__ import annotations

import _thread
import concurrent.futures
import concurrent.futures._base
import concurrent.futures.thread
import gc
import itertools
import logging
import os
import queue
import random
import subprocess
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterable
from typing import Any, Self

from soak.schedule import threads
from soak.schedule.clock import CLOCKS
from soak.schedule.conductor import Conductor
from soak.schedule.locks import Lock, RLock
from soak.schedule.outcome import Over, Strategy
from soak.schedule.points import Granularity, points
from soak.schedule.queues import SimpleQueue
from soak.schedule.reach import Fakes, Reach
from soak.schedule.target import OWN, Target
from soak.schedule.task import Task, Unwind, here

MODULES = (threading, _thread, queue, time, concurrent.futures._base, concurrent.futures.thread)
"""The standard library's modules that keep names of what is replaced."""
STALL = 10.0
"""Real seconds without a step after which the running thread counts as blocked in something that is not
controlled.
"""
ENDING = 2.0
"""Real seconds that a thread gets to end once its schedule is over."""


class _Main(threading.Thread):
    """The thread that runs the function."""

    _soak_rank = 0


class Stage:
    """Everything that has to be changed in the process while schedules run. A context manager, used once.

    Locks and clocks of the modules ``beside`` are controlled as well, though nothing switches in them.
    """

    def __init__(
        self,
        function: Callable[[], Any],
        target: Target,
        *,
        seed: int,
        stall: float = STALL,
        beside: Iterable[types.ModuleType] = (),
    ) -> None:
        self.function = function
        self.target = target
        self.seed = seed
        self.stall = stall
        self.beside = tuple(beside)
        self.notes: set[str] = set()
        self.foreign: set[str] = set()
        self.leaked = 0
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        if here() is not None:
            raise RuntimeError("soak.race cannot run inside a schedule of soak.race")
        threading.Thread.__hash__ = threads.rank_hash  # type: ignore[method-assign]
        self.points = points(self.target, self.function)
        modules = list(dict.fromkeys((*self.target.modules(), *self.beside)))
        fakes = _fakes()
        self.reach = Reach([*modules, concurrent.futures.thread], self.function, fakes)
        self.reach.replace()
        self._random = random.getstate()
        self._collecting = gc.isenabled()
        # What lives now is not looked at again before every schedule. Garbage among it keeps until the end:
        # to collect it takes longer than many a search.
        gc.freeze()
        self._replace_names(modules, fakes)
        for name, method in threads.replacements(self.points).items():
            self._set(threading.Thread, name, method)
        self._set(threading, "excepthook", threads.excepthook)
        self._set(threading, "_counter", threading._counter)  # type: ignore[attr-defined]
        pool = concurrent.futures.ThreadPoolExecutor
        self._set(pool, "_counter", pool._counter)  # type: ignore[attr-defined]
        self._set(os, "fork", self._noting("starts processes", os.fork))
        self._set(subprocess.Popen, "__init__", self._noting("starts processes", subprocess.Popen.__init__))
        concurrent.futures._base.LOGGER.addFilter(_not_unwound)
        gc.disable()
        return self

    def __exit__(self, *_: object) -> None:
        for undo in reversed(self._undo):
            undo()
        concurrent.futures._base.LOGGER.removeFilter(_not_unwound)
        self.reach.restore()
        self.points.close()
        random.setstate(self._random)
        gc.unfreeze()
        if self._collecting:
            gc.enable()

    def run(
        self,
        strategy: Strategy,
        *,
        granularity: Granularity = Granularity.LINE,
        limit: int,
        recording: bool = False,
    ) -> Conductor:
        """One schedule, from the function's first line until every thread has ended."""
        self.points.use(granularity)
        threads.restart_ranks()
        threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]
        concurrent.futures.ThreadPoolExecutor._counter = itertools.count().__next__  # type: ignore[attr-defined]
        random.seed(self.seed)
        gc.collect()
        conductor = Conductor(strategy, limit=limit, recording=recording)
        main = _Main(target=self._body, args=(conductor,), name="MainThread")
        task = conductor.adopt(main, "main", None)
        threads.launch(main, task, self.points)
        try:
            conductor.current = task
            task.gate.release()
            self._wait(conductor)
        finally:
            self._end(conductor)
        conductor.foreign |= self.points.foreign
        self.foreign |= conductor.foreign
        self.notes |= conductor.foreign
        return conductor

    def _body(self, conductor: Conductor) -> None:
        try:
            self.function()
        except Unwind:
            pass
        except BaseException as error:  # noqa: BLE001 (whatever the function raises is the finding)
            conductor.fail(conductor.tasks[0], error)

    def _wait(self, conductor: Conductor) -> None:
        seen = -1
        while not conductor.finished.acquire(timeout=self.stall):
            if len(conductor.trail) == seen:
                conductor.end(Over(stalled=_where(conductor.current)))
                return
            seen = len(conductor.trail)

    def _end(self, conductor: Conductor) -> None:
        """End every thread that still lives, one after the other."""
        conductor.end(Over())
        assert conductor.over is not None
        stuck = conductor.current if conductor.over.stalled else None
        current = conductor.current
        if current is not None and current is not stuck:
            self._await_end(current)
        for task in conductor.tasks:
            if not task.done and task is not stuck:
                if task is not current:
                    task.gate.release()
                self._await_end(task)

    def _await_end(self, task: Task) -> None:
        if task.ended.acquire(timeout=ENDING):
            task.ended.release()
        elif not task.done:
            self.leaked += 1
            self.notes.add(f"thread {task.name} would not end after its schedule: {_where(task)}")

    def _replace_names(self, modules: list[types.ModuleType], fakes: Fakes) -> None:
        spaces = [module.__dict__ for module in (*MODULES, *modules)]
        spaces.append(getattr(self.function, "__globals__", {}))
        for space in spaces:
            for name, value in list(space.items()):
                if id(value) in fakes and fakes[id(value)][0] is value:
                    self._put(space, name, fakes[id(value)][1])
        start = _starter(_thread.start_new_thread)
        for space in (_thread.__dict__, *(module.__dict__ for module in modules)):
            for name, value in list(space.items()):
                if value is start.real:
                    self._put(space, name, start)

    def _put(self, space: dict[str, Any], name: str, value: Any) -> None:
        before = space[name]
        self._undo.append(lambda: space.__setitem__(name, before))
        space[name] = value

    def _set(self, owner: Any, name: str, value: Any) -> None:
        before = owner.__dict__[name]
        self._undo.append(lambda: setattr(owner, name, before))
        setattr(owner, name, value)

    def _noting(self, note: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if here() is not None:
                self.notes.add(f"the code {note}, which run beside the schedule, not under it")
            return real(*args, **kwargs)

        return call


def _fakes() -> Fakes:
    """What makes locks, queues and time, and what stands in for it, by the id of the real one."""
    pairs: list[tuple[Any, Any]] = [
        (_thread.allocate_lock, Lock),
        (threading.Lock, Lock),
        (_thread.RLock, RLock),
        (threading.RLock, RLock),
        (queue.SimpleQueue, SimpleQueue),
        *((getattr(time, name), fake) for name, fake in CLOCKS.items()),
    ]
    return {id(real): (real, fake) for real, fake in pairs}


class _starter:  # noqa: N801
    """`_thread.start_new_thread`, through a controlled `threading.Thread`."""

    def __init__(self, real: Callable[..., int]) -> None:
        self.real = real

    def __call__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any = None) -> int:
        if here() is None:
            return self.real(function, args, kwargs or {})
        thread = threading.Thread(target=function, args=args, kwargs=kwargs, daemon=True)
        thread.start()
        return thread.ident or 0


def _not_unwound(record: logging.LogRecord) -> bool:
    """A pool's worker logs whatever ends it, also the end of its schedule."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, Unwind)


def _where(task: Task | None) -> str:
    """The innermost lines of a thread that does not come back."""
    if task is None:
        return "no thread ran"
    frame = sys._current_frames().get(task.thread.ident or 0)
    stack = traceback.extract_stack(frame) if frame is not None else []
    own = [entry for entry in stack if not entry.filename.startswith((OWN, threading.__file__))]
    lines = [f"{entry.filename.rpartition('/')[2]}:{entry.lineno} `{entry.line}`" for entry in own[-2:]]
    return f"thread {task.name} in " + " > ".join(lines or ["native code"])
