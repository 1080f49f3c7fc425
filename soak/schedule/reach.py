"""The locks that the target made when it was imported, replaced where they are kept, and put back."""

from __future__ import annotations

import _thread
import functools
import queue
import types
from collections.abc import Callable, Iterable
from typing import Any

from soak.schedule.locks import Lock, RLock
from soak.schedule.queues import SimpleQueue

RAW: dict[type, Callable[[], Any]] = {
    type(_thread.allocate_lock()): Lock,
    type(_thread.RLock()): RLock,
    queue.SimpleQueue: SimpleQueue,
}
Fakes = dict[int, tuple[Any, Any]]
"""By the id of the real thing: that, and what stands in for it."""
LIMIT = 50_000
"""Objects looked at; a target that keeps more alive at import is looked at in part."""
LIBRARY = ("threading", "queue", "concurrent.futures")
"""Modules whose instances may hold locks, besides the target's own."""


class Reach:
    """Walks from the target's modules and the function's closure to every lock that it can put a double in
    for.
    """

    def __init__(
        self, modules: Iterable[types.ModuleType], function: Callable[..., Any], fakes: Fakes | None = None
    ) -> None:
        """With ``fakes``, functions' defaults that are one of the real things are replaced as well."""
        modules = list(modules)
        self._own = {module.__name__ for module in modules}
        self._own.add(getattr(function, "__module__", "") or "")
        self._fakes = fakes or {}
        self._doubles: dict[int, tuple[Any, Any]] = {}
        self._seen: dict[int, Any] = {}
        self._undo: list[Callable[[], None]] = []
        self._todo: list[Any] = [module.__dict__ for module in modules]
        self._todo += [function, getattr(function, "__self__", None), getattr(function, "__globals__", None)]

    def replace(self) -> None:
        """Put the doubles in."""
        while self._todo and len(self._seen) < LIMIT:
            one = self._todo.pop()
            if one is None or id(one) in self._seen:
                continue
            self._seen[id(one)] = one
            self._visit(one)

    def restore(self) -> None:
        """Put back what was there."""
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    def _visit(self, one: Any) -> None:
        if isinstance(one, dict):
            for key, value in list(one.items()):
                self._slot(value, functools.partial(one.__setitem__, key))
        elif isinstance(one, list):
            for index, value in enumerate(one):
                self._slot(value, functools.partial(one.__setitem__, index))
        elif isinstance(one, tuple | set | frozenset):
            self._todo.extend(one)
        elif isinstance(one, types.FunctionType):
            self._defaults(one)
            for cell in one.__closure__ or ():
                self._cell(cell)
        elif isinstance(one, types.MethodType):
            self._todo += [one.__self__, one.__func__]
        elif isinstance(one, functools.partial):
            self._todo += [one.func, one.args, one.keywords]
        elif isinstance(one, type):
            if one.__module__ in self._own:
                for key, value in list(vars(one).items()):
                    self._slot(value, functools.partial(setattr, one, key))
        elif not isinstance(one, types.ModuleType):
            self._instance(one)

    def _defaults(self, function: types.FunctionType) -> None:
        """`def wait(clock=time.monotonic)` keeps what it was given when it was imported."""
        before = function.__defaults__
        self._todo += [before, function.__kwdefaults__]
        stand_ins = tuple(self._fake(value) for value in before or ())
        if any(new is not old for new, old in zip(stand_ins, before or (), strict=True)):
            function.__defaults__ = stand_ins
            self._undo.append(functools.partial(setattr, function, "__defaults__", before))
        named = function.__kwdefaults__ or {}
        for name, value in named.items():
            if self._fake(value) is not value:
                named[name] = self._fake(value)
                self._undo.append(functools.partial(named.__setitem__, name, value))

    def _fake(self, value: Any) -> Any:
        real, fake = self._fakes.get(id(value), (None, None))
        return fake if real is not None and real is value else value

    def _instance(self, one: Any) -> None:
        kind = type(one)
        if kind.__module__ not in self._own and not kind.__module__.startswith(LIBRARY):
            return
        inner = getattr(one, "__dict__", None)
        if isinstance(inner, dict):
            self._todo.append(inner)
        for ancestor in kind.__mro__:
            slots = ancestor.__dict__.get("__slots__", ())
            for name in [slots] if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__") and hasattr(one, name):
                    self._slot(getattr(one, name), functools.partial(object.__setattr__, one, name))

    def _cell(self, cell: types.CellType) -> None:
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            return
        self._slot(value, functools.partial(setattr, cell, "cell_contents"))

    def _slot(self, value: Any, put: Callable[[Any], None]) -> None:
        """One place that keeps a value: put a double in if it is a lock, a lock's bound method, or what
        makes one (as `field(default_factory=Lock)` does); else walk on.
        """
        double = self._double(value) if self._fake(value) is value else self._fake(value)
        owner = getattr(value, "__self__", None) if isinstance(value, types.BuiltinMethodType) else None
        if double is None and owner is not None:
            keeper = self._double(owner)
            double = None if keeper is None else getattr(keeper, value.__name__, None)
        if double is None:
            self._todo.append(value)
            return
        try:
            put(double)
        except (AttributeError, TypeError):  # read-only
            return
        self._undo.append(functools.partial(put, value))

    def _double(self, value: Any) -> Any:
        make = RAW.get(type(value))
        if make is None or _in_use(value):
            return None
        if id(value) not in self._doubles:
            self._doubles[id(value)] = (value, make())
        return self._doubles[id(value)][1]


def _in_use(lock: Any) -> bool:
    """Held, or filled, by somebody outside: taking its place would change what it says."""
    if isinstance(lock, queue.SimpleQueue):
        return not lock.empty()
    if lock.acquire(False):
        lock.release()
        return False
    return True
