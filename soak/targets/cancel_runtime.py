"""Runs one piece of work, in a process of its own, and obeys whatever cancels it.

The main thread does nothing but listen: to signals, to its control channel (standard input: a byte cancels,
the end of the channel does so too), and to the work. A cancel that comes while the work is shielded is kept,
and delivered as the shield opens. Work that has not ended a grace after the cancel is killed, where it is a
process, or told as leaked and left, where it is a thread: then this process ends at once.

It says on standard output: ``spawning``, ``cancelled``, and last one of the words of
:class:`Said`. Standard library only.
"""

from __future__ import annotations

import contextlib
import enum
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from soak.author import Refused
from soak.targets.cancel_cells import Cause, Place, Vehicle
from soak.targets.cancel_work import script
from soak.targets.interpreter_host import InterpreterHost

_SIGNALS: dict[int, Cause] = {signal.SIGINT: Cause.SIGINT, signal.SIGTERM: Cause.SIGTERM}
#: Seconds that an interpreter or thread has for ending once its work is over.
_AFTERWARDS = 20.0


class Said(enum.Enum):
    """The last word of the process about its work."""

    ITSELF = "ended by itself"
    KILLED = "killed"
    LEAKED = "leaked"
    CUT_SHORT = "its shielded section was cut short"


class CancelRuntime:
    """Runs one piece of work, in the main thread's sight."""

    def __init__(self, place: Place, vehicle: Vehicle, grace: float) -> None:
        """``grace``: seconds that the work has for ending once it is cancelled."""
        self._place = place
        self._vehicle = vehicle
        self._grace = grace
        self._shielded = False
        self._kept: list[Cause] = []
        self._until = float("inf")
        self._over = False
        self._cut_short = False
        self._cancel_read, self._cancel_write = os.pipe()
        self._report_read, self._report_write = os.pipe()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK)
        self._end: Callable[[], None] = lambda: None
        self._kill: Callable[[], bool] = lambda: False

    def run(self) -> Said:
        """Start the work, and listen until it has ended, or was given up."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda _number, _frame: None)  # the number comes through the wake-up pipe
        say("spawning")
        self._start()
        control: int | None = sys.stdin.fileno()
        while not self._over:
            left = self._until - time.monotonic()
            if left <= 0:
                return Said.KILLED if self._kill() else Said.LEAKED
            ready = self._wait(control, left)
            if self._wake_read in ready:
                for number in os.read(self._wake_read, 64):
                    self._cancel(_SIGNALS[number])
            if self._report_read in ready:
                self._hear(os.read(self._report_read, 64))
            if control in ready:
                closed = not os.read(control, 1)
                self._cancel(Cause.CLOSED if closed else Cause.CANCEL)
                control = None
        self._end()
        return Said.CUT_SHORT if self._cut_short else Said.ITSELF

    def _wait(self, control: int | None, left: float) -> set[int]:
        wanted = [self._wake_read, self._report_read, *([control] if control is not None else [])]
        ready, _, _ = select.select(wanted, [], [], min(left, 60.0))
        return set(ready)

    # -- cancelling ----------------------------------------------------------------------------------------

    def _cancel(self, cause: Cause) -> None:
        if self._shielded:
            self._keep(cause)
        else:
            self._deliver()

    def _keep(self, cause: Cause) -> None:
        """A cancel came while the work is shielded."""
        self._kept.append(cause)

    def _deliver(self) -> None:
        if self._until == float("inf"):
            self._until = time.monotonic() + self._grace
            os.write(self._cancel_write, b"!")
            say("cancelled")

    def _hear(self, words: bytes) -> None:
        for word in words.decode():
            match word:
                case "(" | ")":
                    self._shielded = word == "("
                    if not self._shielded and self._kept:
                        self._deliver()
                case "!" | "?":
                    self._over = True
                    self._cut_short = word == "?"

    # -- vehicles ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        work = script(self._place, cancel=self._cancel_read, report=self._report_write)
        match self._vehicle:
            case Vehicle.THREAD:
                thread = threading.Thread(target=exec, args=(work, {}), name="work", daemon=True)
                self._end = lambda: thread.join(_AFTERWARDS)
                thread.start()
            case Vehicle.INTERPRETER:
                self._start_interpreter(work)
            case Vehicle.PROCESS:
                self._start_process(work)

    def _start_interpreter(self, work: str) -> None:
        host = InterpreterHost()
        guest = host.spawn()
        if isinstance(guest, Refused):
            raise AssertionError(f"unreachable: {guest}")
        self._end = lambda: _require(not host.close(_AFTERWARDS))
        guest.submit(work)

    def _start_process(self, work: str) -> None:
        fds = (self._cancel_read, self._report_write)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", work], pass_fds=fds, stdin=subprocess.DEVNULL
        )

        def kill() -> bool:
            process.kill()
            process.wait(_AFTERWARDS)
            return True

        self._kill = kill
        self._end = lambda: _require(process.wait(_AFTERWARDS) == 0)


def _require(well: bool) -> None:
    if not well:
        raise RuntimeError("the work is over, but what it ran in did not end")


def say(word: str) -> None:
    """One line on standard output."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{word}\n".encode())
