"""Python stacks as the stream's frames, without soak's own, and texts of bounded length.

Standard library only.
"""

from __future__ import annotations

import os
import reprlib
import threading
import traceback
from collections.abc import Iterable
from types import CodeType, FrameType, TracebackType

from soak import author
from soak.events import Frame

MOST_FRAMES = 40
MOST_DETAIL = 200  # characters of one detail's repr
MOST_MESSAGE = 2_000
MOST_TRACEBACK = 20_000

_OWN_FOLDER = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - compared with co_filename on hot paths
_SCHEDULE_FOLDER = os.path.join(os.path.dirname(author.__file__), "schedule", "")  # noqa: PTH118, PTH120
_AUTHOR = author.__file__
_THREADING = threading.__file__
_RUNPY = "<frozen runpy>"  # below which a spawned worker lives
_THREAD_STARTERS = frozenset({"_bootstrap", "_bootstrap_inner", "run"})


def is_own(file: str) -> bool:
    """Whether ``file`` is part of the worker, of model mode or of the author's API."""
    return file.startswith((_OWN_FOLDER, _SCHEDULE_FOLDER)) or file == _AUTHOR


def of_stack(frame: FrameType | None, most: int = MOST_FRAMES) -> tuple[Frame, ...]:
    """The stack that ends in ``frame``, innermost first."""
    found: list[Frame] = []
    while frame is not None and len(found) < most:
        code = frame.f_code
        if is_shown(code):
            found.append(Frame(function=code.co_qualname, file=code.co_filename, line=frame.f_lineno or 0))
        frame = frame.f_back
    return tuple(found)


def of_codes(stack: Iterable[tuple[CodeType, int]]) -> tuple[Frame, ...]:
    """A stack that was taken down as codes and lines, in its order."""
    shown = [(code, line) for code, line in stack if is_shown(code)]
    return tuple(
        Frame(function=code.co_qualname, file=code.co_filename, line=line)
        for code, line in shown[:MOST_FRAMES]
    )


def of_traceback(trace: TracebackType | None) -> tuple[Frame, ...]:
    """A traceback's frames, innermost first."""
    found: list[Frame] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_shown(code):
            found.append(Frame(function=code.co_qualname, file=code.co_filename, line=trace.tb_lineno or 0))
        trace = trace.tb_next
    return tuple(reversed(found[-MOST_FRAMES:]))


def of_callable(call: object) -> tuple[Frame, ...]:
    """The place where a function is defined, for promises that have no stack of their own."""
    code = getattr(call, "__code__", None)
    if code is None:
        return ()
    return (Frame(function=code.co_qualname, file=code.co_filename, line=code.co_firstlineno),)


def is_shown(code: CodeType) -> bool:
    """Whether a frame is evidence: neither soak's own nor what every thread and process begins with."""
    file = code.co_filename
    starts_thread = file == _THREADING and code.co_name in _THREAD_STARTERS
    return not (is_own(file) or starts_thread or file == _RUNPY)


def error_name(error: BaseException) -> str:
    """``RuntimeError``, ``mujoco.FatalError``: an exception's type as people know it."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def error_message(error: BaseException) -> str:
    """An exception's text, of bounded length; the target's ``__str__`` may itself be broken."""
    try:
        return str(error)[:MOST_MESSAGE]
    except Exception as broken:  # noqa: BLE001 - whatever a target's __str__ raises, the finding is kept
        return f"(its __str__ raised {error_name(broken)})"


def error_text(error: BaseException) -> str:
    """The traceback as Python prints it, chained exceptions included, of bounded length."""
    try:
        text = "".join(traceback.format_exception(error))
    except Exception as broken:  # noqa: BLE001 - see error_message
        return f"{error_name(error)} (its traceback cannot be printed: {error_name(broken)})"
    if len(text) <= MOST_TRACEBACK:
        return text
    half = MOST_TRACEBACK // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def shown(value: object) -> str:
    """A detail's value, cut to :data:`MOST_DETAIL` characters."""
    try:
        text = _SHORT.repr(value)
    except Exception as broken:  # noqa: BLE001 - see error_message
        text = f"(its repr raised {error_name(broken)})"
    return text if len(text) <= MOST_DETAIL else text[: MOST_DETAIL - 1] + "…"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = MOST_DETAIL
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 20
