"""Which threads live, and where they were made.

Standard library only.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from soak.events import Frame
from soak.worker.frames import is_shown

_MOST_FRAMES = 12
#: Frames of these files say how threads are made, never who wanted one.
_MACHINERY = (threading.__file__, os.path.join("concurrent", "futures"))  # noqa: PTH118
_ATTRIBUTE = "_soak_origin"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when a thread was started: code and line, innermost first; cheap to take, never formatted."""

    iteration: int
    stack: tuple[tuple[CodeType, int], ...]

    def frames(self) -> tuple[Frame, ...]:
        """The creation site's stack without the machinery around it."""
        return tuple(
            Frame(function=code.co_qualname, file=code.co_filename, line=line)
            for code, line in self.stack
            if is_shown(code) and not any(part in code.co_filename for part in _MACHINERY)
        )


class ThreadLedger:
    """Remembers the creation site of every thread that is started from now on."""

    def __init__(self) -> None:
        self.iteration = -1
        self._start: Callable[..., Any] | None = None

    def open(self) -> None:
        """Put a remembering step before ``Thread.start``."""
        start = threading.Thread.start

        def remember_and_start(thread: threading.Thread) -> None:
            thread.__dict__[_ATTRIBUTE] = self._origin(sys._getframe(1))
            start(thread)

        threading.Thread.start = remember_and_start  # type: ignore[method-assign,assignment]

    def _origin(self, frame: Any) -> Origin:
        stack: list[tuple[CodeType, int]] = []
        while frame is not None and len(stack) < _MOST_FRAMES:
            stack.append((frame.f_code, frame.f_lineno))
            frame = frame.f_back
        return Origin(self.iteration, tuple(stack))


def origin_of(thread: threading.Thread) -> Origin | None:
    """Where ``thread`` was started; None if before the ledger was opened."""
    return thread.__dict__.get(_ATTRIBUTE)


def python_threads() -> list[threading.Thread]:
    """Living threads but the main one and the stand-ins for threads of native code."""
    main = threading.main_thread()
    return [
        thread
        for thread in threading.enumerate()
        if thread is not main and not isinstance(thread, threading._DummyThread)
    ]


def native_threads() -> dict[int, str]:
    """Operating system threads that Python did not start: id and name."""
    ours = {thread.native_id for thread in (*python_threads(), threading.main_thread())}
    found = {}
    try:
        ids = os.listdir("/proc/self/task")  # noqa: PTH208 - names only, and cheap
    except OSError:
        return {}
    for text in ids:
        if int(text) not in ours:
            try:
                found[int(text)] = Path(f"/proc/self/task/{text}/comm").read_text().strip()
            except OSError:  # it has just ended
                continue
    return found
