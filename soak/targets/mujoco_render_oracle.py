"""The oracle for ``mujoco.Renderer``: made, used and closed by one thread.

A renderer in two threads at once is a crash (OSMesa) or an ``exit(1)`` (EGL); one that another thread uses or
closes works silently with OSMesa and raises with EGL. The first is reported instead of called, the second
reported and called: it harms nobody but its own context.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any

from soak.author import always

OWN_THREAD = "a renderer is used and closed by the thread that made it"
ONE_RENDER = "one thread at a time is inside a renderer"

METHODS = ("update_scene", "render", "close")

_owners: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_inside: dict[int, tuple[int, str]] = {}
_originals: list[tuple[Any, str, Any]] = []


def install(renderer: Any) -> None:
    """Watch every instance of the class ``renderer`` that is made from now on, once."""
    if _originals:
        return
    _replace(renderer, "__init__", _owning(renderer.__init__))
    for name in METHODS:
        _replace(renderer, name, _owned(name, getattr(renderer, name)))


def uninstall() -> None:
    """Take the wrappers away."""
    while _originals:
        kind, name, native = _originals.pop()
        setattr(kind, name, native)
    _owners.clear()
    _inside.clear()


def _replace(kind: Any, name: str, wrapper: Any) -> None:
    _originals.append((kind, name, getattr(kind, name)))
    setattr(kind, name, wrapper)


def _owning(native: Callable[..., None]) -> Callable[..., None]:
    @wraps(native)
    def make(self: Any, *rest: Any, **named: Any) -> None:
        _owners[self] = threading.get_ident()
        native(self, *rest, **named)

    return make


def _owned(name: str, native: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(native)
    def use(self: Any, *rest: Any, **named: Any) -> Any:
        me = threading.get_ident()
        owner = _owners.get(self)
        if owner is not None and owner != me and not _is_spent(self):
            always(False, OWN_THREAD, call=name, thread=threading.current_thread().name)
        mine = (me, name)
        holder = _inside.setdefault(id(self), mine)
        if holder is not mine and holder[0] != me:
            always(False, ONE_RENDER, call=name, other=holder[1])
            return None
        try:
            return native(self, *rest, **named)
        finally:
            if holder is mine:
                del _inside[id(self)]

    return use


def _is_spent(renderer: Any) -> bool:
    """Whether it is closed already: closing it again, as its finaliser does from any thread, is harmless."""
    return getattr(renderer, "_mjr_context", None) is None and getattr(renderer, "_gl_context", None) is None
