"""Which files' lines are switch points: modules, files, folders and prefixes of paths."""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from soak.schedule.places import short

TargetLike = types.ModuleType | str | os.PathLike[str]


class Target:
    """A filter on the file names of code objects. It asks once a file and remembers."""

    def __init__(self, paths: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        self.paths = tuple(paths)
        self.names = frozenset(names)
        self._known: dict[str, bool] = {}

    def __contains__(self, file: str) -> bool:
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._matches(file)
        return known

    def _matches(self, file: str) -> bool:
        if file.startswith(("<", OWN)):
            return False
        if short(file) in self.names:
            return True
        real = _real(file)
        return any(real == path or real.startswith(path) for path in self.paths)

    @classmethod
    def of(cls, wanted: Iterable[TargetLike] | TargetLike | None, function: Callable[..., Any]) -> Target:
        """The filter that the author wrote; without one, the file that holds the function."""
        if wanted is None:
            return cls([os.path.realpath(own_file(function))])
        if isinstance(wanted, types.ModuleType):
            return cls(_paths(wanted))
        if isinstance(wanted, str | os.PathLike):
            return cls(_paths(wanted))
        each = cast("Iterable[TargetLike]", wanted)
        return cls(path for one in each for path in _paths(one))

    def modules(self) -> list[types.ModuleType]:
        """The loaded modules whose files match."""
        loaded = list(sys.modules.values())
        return [module for module in loaded if _file(module) and _file(module) in self]


OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep  # noqa: PTH100, PTH120


@functools.cache
def _real(file: str) -> str:
    """A system call for each folder on the way, for every module that is loaded: once in a process."""
    return os.path.realpath(file)


def own_file(function: Callable[..., Any]) -> str:
    """The file that a callable was written in."""
    inner: Any = function
    while isinstance(inner, functools.partial) or hasattr(inner, "__wrapped__"):
        inner = inner.func if isinstance(inner, functools.partial) else inner.__wrapped__
    code = getattr(inner, "__code__", None) or getattr(type(inner).__call__, "__code__", None)
    if code is None:
        raise TypeError(f"{function!r} has no Python code to explore; hand in a function and target=[…]")
    return str(code.co_filename)


def _paths(wanted: TargetLike) -> list[str]:
    if isinstance(wanted, str) and wanted in sys.modules:
        wanted = sys.modules[wanted]
    if isinstance(wanted, types.ModuleType):
        folders = getattr(wanted, "__path__", None)
        if folders is not None:
            return [os.path.realpath(folder) + os.sep for folder in folders]
        file = _file(wanted)
        return [os.path.realpath(file)] if file else []
    path = Path(wanted)
    real = os.path.realpath(path)
    return [real + os.sep] if path.is_dir() else [real]


def _file(module: types.ModuleType) -> str:
    # Some modules answer every attribute, with anything.
    try:
        file = getattr(module, "__file__", None)
    except Exception:  # noqa: BLE001
        return ""
    return file if isinstance(file, str) else ""
