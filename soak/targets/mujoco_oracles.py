"""Oracles for any MuJoCo target: what must hold at every native call, checked at every native call.

"No crash" proves nothing: stepping one data in two threads, or data that belongs to another model, is often
silent. :func:`install` replaces functions of the ``mujoco`` module by wrappers that check, call and check
again; they see every call that goes through the module's attributes (``mujoco.mj_step(…)``), not those of
names imported before. A call that would corrupt memory is reported and *not* made: what would follow is
known, and the evidence outlives it.

Each check states a constant promise through :func:`soak.author.always`. The bookkeeping is lock-free: one
atomic ``dict.setdefault`` takes a piece of data for the duration of a call.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any

import mujoco

from soak.author import always, beat, guarantee

ALONE = guarantee("one thread at a time is inside MuJoCo with what it works on")
ONE_THREAD = ALONE.promise("one thread at a time is inside MuJoCo with a piece of data")
ONE_COMPILER = ALONE.promise("one thread at a time compiles a specification")
OWN_MODEL = "a native call gets data and model that belong together"
STACK_FREE = "MuJoCo's stack is free between native calls"
TIME_FORWARD = "simulated time goes back only in a reset"
FINITE = "positions, velocities and accelerations stay finite"
NO_WARNING = "MuJoCo warns of nothing"

#: Functions ``(model, data, …)`` that work on the data; the first group is what moves time forward.
STEPS = ("mj_step", "mj_step1", "mj_step2")
WORKS = ("mj_forward", "mj_inverse", "mj_kinematics", "mj_setConst", "mjv_updateScene")
#: Functions ``(model, data, …)`` after which time and warnings may be anything.
RESETS = ("mj_resetData", "mj_resetDataKeyframe", "mj_resetDataDebug", "mj_setState")

#: Warning counters are compared at every so many steps: they only grow, so that none is lost.
WARNINGS_EVERY = 16
_NOT_FINITE = {"mjWARN_BADQPOS", "mjWARN_BADQVEL", "mjWARN_BADQACC", "mjWARN_BADCTRL"}


class _Watched:
    """What is known about one ``MjData``: ``model`` only where the target said which one it belongs to."""

    __slots__ = ("calls", "model", "ref", "time", "warnings")

    def __init__(self, data: Any, key: int, model: Any) -> None:
        self.ref = weakref.ref(data, lambda _: _watched.pop(key, None))
        self.model = model
        self.time: float = data.time
        self.warnings: bytes = data.warning.number.tobytes()
        self.calls = 0


_watched: dict[int, _Watched] = {}
_inside: dict[int, tuple[int, str]] = {}  # id of data or specification -> (thread, function) that is in it
_originals: list[tuple[Any, str, Any]] = []
_get_ident = threading.get_ident


def install() -> None:
    """Put the wrappers in place, once."""
    if _originals:
        return
    for name in STEPS:
        _replace(mujoco, name, lambda native: _stepping(native))
    for name in WORKS:
        _replace(mujoco, name, lambda native: _working(native))
    for name in RESETS:
        _replace(mujoco, name, lambda native: _working(native, resets=True))
    _replace(mujoco, "mj_copyData", _copying)
    _replace(mujoco.MjSpec, "compile", _compiling)
    _replace(mujoco.MjSpec, "recompile", _recompiling)


def uninstall() -> None:
    """Take the wrappers away, and forget what was watched."""
    while _originals:
        owner, name, native = _originals.pop()
        setattr(owner, name, native)
    _watched.clear()
    _inside.clear()


def belongs(model: Any, data: Any) -> None:
    """Say that ``data`` is to be used with ``model`` and no other, not even with one of the same shape."""
    _watched[id(data)] = _Watched(data, id(data), model)


def _replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    native = getattr(owner, name, None)
    if native is not None:  # versions of MuJoCo differ in the rarer functions
        _originals.append((owner, name, native))
        setattr(owner, name, wrap(native))


# -- the wrappers ----------------------------------------------------------------------------------------


def _stepping(native: Any) -> Any:
    """A wrapper for what moves time forward. Written out, for it is on everybody's hot path."""
    name = native.__name__

    @wraps(native)
    def step(m: Any, d: Any, *rest: Any, **named: Any) -> Any:
        key = id(d)
        mine = (_get_ident(), name)
        holder = _inside.setdefault(key, mine)
        if holder is not mine:
            return native(m, d, *rest, **named) if _is_nested(holder, mine) else None
        try:
            watched = _watched.get(key)
            if watched is None:
                if not isinstance(d, mujoco.MjData):
                    return native(m, d, *rest, **named)
                watched = _watch(d)
            if (watched.model is not None and watched.model is not m) or m.signature != d.signature:
                always(False, OWN_MODEL, call=name)
                return None
            if d.pstack:
                always(False, STACK_FREE, call=name, when="before", bytes=d.pstack)
                return None
            native(m, d, *rest, **named)
            now = d.time
            watched.calls += 1
            if not now >= watched.time or not watched.calls % WARNINGS_EVERY:
                _look_closer(watched, d, now)
            watched.time = now
            if d.pstack:
                always(False, STACK_FREE, call=name, when="after", bytes=d.pstack)
        finally:
            del _inside[key]
        beat()
        return None

    return step


def _working(native: Any, *, resets: bool = False) -> Any:
    """A wrapper for other functions ``(model, data, …)``."""
    name = native.__name__

    @wraps(native)
    def work(m: Any, d: Any, *rest: Any, **named: Any) -> Any:
        mine = (_get_ident(), name)
        holder = _inside.setdefault(id(d), mine)
        if holder is not mine:
            return native(m, d, *rest, **named) if _is_nested(holder, mine) else None
        try:
            if not _sound(name, m, d):
                return None
            result = native(m, d, *rest, **named)
            if resets:
                _forget(d)
            return result
        finally:
            del _inside[id(d)]

    return work


def _copying(native: Any) -> Any:
    """A wrapper for ``mj_copyData(to, model, from)``."""

    @wraps(native)
    def mj_copyData(*data: Any, **named: Any) -> Any:  # noqa: N802 - MuJoCo's name
        pieces = [piece for piece in (*data, *named.values()) if isinstance(piece, mujoco.MjData)]
        if not _take_all(pieces, "mj_copyData", ONE_THREAD):
            return None
        try:
            return native(*data, **named)
        finally:
            _give_all(pieces, "mj_copyData")
            for piece in pieces:
                _forget(piece)

    return mj_copyData


def _compiling(native: Any) -> Any:
    """A wrapper for ``MjSpec.compile``, which has to raise where it cannot be called: it owes a model."""

    @wraps(native)
    def compile_spec(self: Any, *rest: Any, **named: Any) -> Any:
        if not _take_all([self], "compile", ONE_COMPILER):
            raise RuntimeError("soak did not call compile: another thread is compiling this specification")
        try:
            return native(self, *rest, **named)
        finally:
            _give_all([self], "compile")

    return compile_spec


def _recompiling(native: Any) -> Any:
    """A wrapper for ``MjSpec.recompile(model, data)``, which ends the process where the data is in use.

    Where it is not called it answers with the pair that it was given.
    """

    @wraps(native)
    def recompile(self: Any, m: Any, d: Any, *rest: Any, **named: Any) -> Any:
        if not _take_all([self], "recompile", ONE_COMPILER):
            return m, d
        try:
            if not _take_all([d], "recompile", ONE_THREAD):
                return m, d
            try:
                return native(self, m, d, *rest, **named) if _sound("recompile", m, d) else (m, d)
            finally:
                _give_all([d], "recompile")
        finally:
            _give_all([self], "recompile")

    return recompile


# -- the checks' slow sides ------------------------------------------------------------------------------


def _is_nested(holder: tuple[int, str], mine: tuple[int, str]) -> bool:
    """Whether the data is held by this same thread, further up (a callback); else that is the finding."""
    return holder[0] == mine[0] or always(False, ONE_THREAD, call=mine[1], other=holder[1])


def _take_all(pieces: list[Any], name: str, promise: str) -> bool:
    """Take all of ``pieces`` for this thread; False, after a report and with none of them, if one is taken.

    What this thread holds already, further up, stays its own.
    """
    mine = (_get_ident(), name)
    for number, piece in enumerate(pieces):
        holder = _inside.setdefault(id(piece), mine)
        if holder[0] != mine[0]:
            _give_all(pieces[:number], name)
            return always(False, promise, call=name, other=holder[1])
    return True


def _give_all(pieces: list[Any], name: str) -> None:
    mine = (_get_ident(), name)
    for piece in pieces:
        if _inside.get(id(piece)) == mine:
            del _inside[id(piece)]


def _sound(name: str, model: Any, data: Any) -> bool:
    """Whether data and model fit together and the data's stack is free; what is neither is not judged."""
    if not isinstance(data, mujoco.MjData):
        return True
    if not _fits(model, data):
        return always(False, OWN_MODEL, call=name)
    if data.pstack:
        return always(False, STACK_FREE, call=name, when="before", bytes=data.pstack)
    return True


def _watch(data: Any) -> _Watched:
    watched = _watched[id(data)] = _Watched(data, id(data), None)
    return watched


def _fits(model: Any, data: Any) -> bool:
    watched = _watched.get(id(data))
    known = watched is None or watched.model is None or watched.model is model
    return known and isinstance(model, mujoco.MjModel) and bool(model.signature == data.signature)


def _forget(data: Any) -> None:
    """Time and warnings of ``data`` were set by a reset: judge from here on."""
    watched = _watched.get(id(data))
    if watched is not None:
        watched.time = data.time
        watched.warnings = data.warning.number.tobytes()


def _look_closer(watched: _Watched, data: Any, now: float) -> None:
    """Compare the warning counters; then say whether time went back for no such reason."""
    numbers = data.warning.number
    raw = numbers.tobytes()
    if raw != watched.warnings:
        watched.warnings = raw
        names = [mujoco.mjtWarning(index).name for index, count in enumerate(numbers) if count]
        promise = FINITE if _NOT_FINITE.intersection(names) else NO_WARNING
        always(False, promise, warnings=", ".join(names), time=now)
    elif not now >= watched.time:
        always(False, TIME_FORWARD, before=watched.time, after=now)
