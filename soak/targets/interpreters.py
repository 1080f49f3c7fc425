"""Subinterpreters of this Python, behind four calls that mean the same on every version.

CPython 3.11 and 3.12 have ``_xxsubinterpreters``, 3.13 has ``_interpreters``, 3.14 (never tried here)
``concurrent.interpreters``. What they cannot do at the same time is done one after the other here: making,
destroying and listing. In 3.11 and 3.12 a listing holds references to interpreters, and dropping the last one
destroys what it refers to.

What no wrapper can mend are known limits of CPython, measured on 3.11.7, 3.12.1 and 3.13.0:

==================================================================  ========  ========  ========
case                                                                3.11      3.12      3.13
==================================================================  ========  ========  ========
a busy loop, GIL shared                                             starves   starves   fine
a busy loop, GIL of its own                                         (none)    fine      fine
destroyed by another thread than the one that imported `threading`  hangs     hangs     fine
an interpreter that had imported `threading` is left at exit        hangs     hangs     fine
an interpreter that runs is left at exit                            aborts    aborts    fine
destroyed while a daemon thread of it runs                          raises    aborts    aborts
memory kept per interpreter, GIL shared / of its own                none      157 kB /  286 kB /
                                                                              2.6 MB    2.7 MB
==================================================================  ========  ========  ========

Standard library only.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
import threading
from dataclasses import dataclass
from typing import Any

_VERSION = sys.version_info[:2]
#: Interpreters can have a GIL of their own; before, each of them waits for all the others.
OWN_GIL = _VERSION >= (3, 12)

#: What this CPython keeps of every interpreter that is destroyed, at most, in bytes: a known limit.
KEPT_BYTES: dict[bool, int] = {
    False: {(3, 11): 0, (3, 12): 157_000}.get(_VERSION, 286_000),
    True: {(3, 11): 0, (3, 12): 2_600_000}.get(_VERSION, 2_700_000),
}

_NAMES = {(3, 11): "_xxsubinterpreters", (3, 12): "_xxsubinterpreters", (3, 13): "_interpreters"}
_module: Any = importlib.import_module(_NAMES.get(_VERSION, "concurrent.interpreters"))
_PUBLIC = _VERSION >= (3, 14)
#: Making, destroying and listing, one after the other.
_one_at_a_time = threading.Lock()


class InterpreterBusy(RuntimeError):
    """The interpreter runs something, or is gone already."""


class ScriptFailed(RuntimeError):
    """A script raised: ``kind`` is the exception's class name, ``said`` its message."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(f"{kind}: {said}")
        self.kind = kind
        self.said = said


@dataclass(frozen=True, slots=True, eq=False)
class Interpreter:
    """One subinterpreter. Keep it until it is destroyed: what nothing refers to is destroyed at once."""

    number: int
    own_gil: bool
    handle: Any


def create(*, own_gil: bool = OWN_GIL) -> Interpreter:
    """Make an interpreter; it belongs to the calling thread until that ends.

    Raises:
        ValueError: this Python's interpreters all share one GIL.
    """
    if own_gil and not OWN_GIL:
        raise ValueError("interpreters have a GIL of their own from Python 3.12 on")
    with _one_at_a_time:
        if _PUBLIC:
            handle = _module.create()
            return Interpreter(number=handle.id, own_gil=True, handle=handle)
        # Without `isolated`, 3.11 and 3.12 let an interpreter have threads and share the GIL.
        handle = _module.create("isolated" if own_gil else "legacy") if _is_313() else _create_old(own_gil)
        return Interpreter(number=int(handle), own_gil=own_gil, handle=handle)


def _create_old(own_gil: bool) -> Any:
    return _module.create(isolated=own_gil)


def _is_313() -> bool:
    return _VERSION == (3, 13)


def execute(interpreter: Interpreter, script: str) -> None:
    """Run ``script`` in the interpreter's ``__main__``, in the calling thread, until it ends.

    Raises:
        ScriptFailed: the script raised.
        InterpreterBusy: it runs something, has threads of its own (3.11), or is gone.
    """
    try:
        if _PUBLIC:
            interpreter.handle.exec(script)
        elif _is_313():
            failure = _module.exec(interpreter.handle, script or "pass")  # 3.13 refuses an empty one
            if failure is not None:
                raise ScriptFailed(failure.type.__name__, failure.msg or "")
        else:
            _module.run_string(interpreter.handle, script)
    except ScriptFailed:
        raise
    except RuntimeError as error:
        raise _in_our_words(error) from None
    except Exception as error:
        if type(error).__name__ in ("ExecutionFailed", "InterpreterError", "InterpreterNotFoundError"):
            raise _in_our_words(error) from None
        raise


def _in_our_words(error: Exception) -> Exception:
    if type(error).__name__ == "ExecutionFailed":
        info: Any = getattr(error, "excinfo", None)
        return ScriptFailed(info.type.__name__, info.msg or "")
    if type(error).__name__ == "RunFailedError":
        told = re.fullmatch(r"<class '(?:.*\.)?(\w+)'>: ?(.*)", str(error), re.DOTALL)
        return ScriptFailed(told[1], told[2]) if told else ScriptFailed("Exception", str(error))
    return InterpreterBusy(str(error))


def destroy(interpreter: Interpreter) -> None:
    """Destroy an idle interpreter in which no thread is left.

    Raises:
        InterpreterBusy: it runs, or is gone already.
    """
    with _one_at_a_time:
        try:
            if _PUBLIC:
                interpreter.handle.close()
            else:
                _module.destroy(interpreter.handle)
        except Exception as error:
            if isinstance(error, RuntimeError) or type(error).__name__.startswith("Interpreter"):
                raise InterpreterBusy(str(error)) from None
            raise


def is_running(interpreter: Interpreter) -> bool:
    """Whether a script runs in it; False where it is gone."""
    with contextlib.suppress(Exception):
        if _PUBLIC:
            return bool(interpreter.handle.is_running())
        return bool(_module.is_running(interpreter.handle))
    return False


def count() -> int:
    """How many interpreters there are, the main one included."""
    with _one_at_a_time:
        return len(_module.list_all())
