"""The functions that modules hold: by name, in classes, in containers, and behind decorators.

The garbage collector knows all of them, but to ask it about every object of a process takes longer than many
a search. What is defined within a function is not listed: its code is among the constants of the outer one's.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

LIMIT = 50_000
"""Objects looked at: who keeps large tables in a module has the functions in them found as they first run."""


_CACHED = type(functools.cache(len))


def functions_of(
    function: Callable[..., Any], modules: Iterable[types.ModuleType]
) -> Iterator[types.FunctionType]:
    """Every function found from ``function`` and in ``modules``, once; of classes, only in those of these."""
    modules = list(modules)
    names = {getattr(function, "__module__", None), *(module.__name__ for module in modules)}
    todo = [function, getattr(function, "__globals__", None), *(module.__dict__ for module in modules)]
    seen: dict[int, Any] = {}
    while todo and len(seen) < LIMIT:
        one = todo.pop()
        if id(one) not in seen:
            seen[id(one)] = one
            if isinstance(one, types.FunctionType):
                yield one
            if not isinstance(one, type) or getattr(one, "__module__", None) in names:
                todo.extend(_inside(one))


def _inside(one: Any) -> Iterable[Any]:
    """Where one thing may hold a function. Modules are no way: others' functions are behind them."""
    if isinstance(one, types.FunctionType):
        return (*one.__dict__.values(), *(_content(cell) for cell in one.__closure__ or ()))
    if isinstance(one, dict):
        return tuple(one.values())
    if isinstance(one, list | tuple | set | frozenset):
        return tuple(one)
    if isinstance(one, type):
        return tuple(vars(one).values())
    if isinstance(one, staticmethod | classmethod | types.MethodType):
        return (one.__func__,)
    if isinstance(one, property):
        return (one.fget, one.fset, one.fdel)
    if isinstance(one, functools.partial | functools.partialmethod):
        return (one.func, one.args)
    if isinstance(one, functools.cached_property):
        return (one.func,)
    if isinstance(one, _CACHED):
        return (one.__wrapped__,)
    return ()


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None
