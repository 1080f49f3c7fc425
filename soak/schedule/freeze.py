"""Confirms an overlap: one thread is stopped in the middle of its native call, and the other one calls.

What the books of :mod:`soak.schedule.natives` call an overlap is undefined behaviour, of which a run may or
may not die. Here the two calls do meet: a tracer stops one thread while its program counter is in a library,
without the interpreter's lock; the other thread's call runs to its end; then the first goes on. Mostly the
process does not survive, which is the proof that was wanted. For a process of its own, therefore.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from soak import kernel
from soak.schedule.task import get_ident, new_lock
from soak.schedule.tracer import COMES

if TYPE_CHECKING:
    from soak.schedule.natives import Stay

_ENDING = 3.0
"""Seconds that the first thread gets to end its call once the second has."""


class Freezer:
    """Has two native calls meet, once: of the thread that came first, and of the one that overlaps it. A
    context manager: its tracer waits beside it."""

    def __init__(
        self, note: Callable[[str], None], delay: float, *, times: int = 1, stop_second: bool = False
    ) -> None:
        """``note`` hears in words what meets what, once it does and before anything can die of it. The first
        thread is stopped, or the second, ``delay`` seconds after it has begun its call at the earliest. A
        call that can repeat its work does it ``times`` as often: there is time to stop the one, and it finds
        another state when it goes on."""
        self._note = note
        self._delay = delay
        self._times = times
        self._stop_second = stop_second
        self._first: Stay | None = None
        self._words = ""
        self._through = new_lock()
        self._through.acquire()
        self._tracer: subprocess.Popen[bytes] | None = None
        self.missing = _missing()
        if not self.missing:
            kernel.allow_any_tracer()
            program = str(Path(__file__).with_name("tracer.py"))
            self._tracer = subprocess.Popen(
                [sys.executable, "-I", "-S", program, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._tracer is not None:
            with self._tracer:  # what it does not hear any more ends it
                pass

    def meet(self, first: Stay, second: Stay, words: str) -> None:
        """On the second thread, which is about to call; the first is parked, where it was about to."""
        if self.missing or self._first is not None:
            return
        stopped = second if self._stop_second else first
        self._say(f"{stopped.task.thread.native_id} {self._delay}\n")
        if (answer := self._hear()) != "s":
            why = os.read(self._out, 200).decode() if answer == "x" else "its tracer has ended"
            self.missing = f"a thread cannot be stopped here: {why}"
            return
        self._first, self._words = first, words
        first.task.gate.release()
        self._call(second, stopped=self._stop_second)
        self._through.acquire(timeout=_ENDING)

    def go_through(self, stay: Stay) -> None:
        """On a thread that was parked where it was about to call, and whose schedule is over: the first's
        call, after all."""
        if stay is self._first:
            try:
                self._call(stay, stopped=not self._stop_second)
            finally:
                self._through.release()

    def _call(self, stay: Stay, *, stopped: bool) -> None:
        if stopped:
            signal.pthread_kill(get_ident(), COMES)
            stay.call(self._times)
            return
        while (answer := self._hear()).isupper():  # again and again, where it has the interpreter's lock
            self._say(answer)
        if answer == "k":
            self._note(self._words)
            try:
                stay.call(self._times)
            finally:
                self._say("t")

    @property
    def _out(self) -> int:
        assert self._tracer is not None and self._tracer.stdout is not None
        return self._tracer.stdout.fileno()

    def _say(self, words: str) -> None:
        assert self._tracer is not None and self._tracer.stdin is not None
        os.write(self._tracer.stdin.fileno(), words.encode())

    def _hear(self) -> str:
        return os.read(self._out, 1).decode()


def _missing() -> str:
    """Why no thread can be stopped on this machine; empty where it can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        here = f"{platform.system()} on {platform.machine()}"
        return f"a thread is stopped in a native call on Linux on x86-64 only, this is {here}"
    return ""
