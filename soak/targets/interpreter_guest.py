"""A guest of the interpreter host: one subinterpreter, the thread that drives it, and what they say.

Standard library only.
"""

from __future__ import annotations

import contextlib
import enum
import os
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass

from soak.targets.interpreters import Interpreter

#: Defined in every guest before its bootstrap. ``cancelled`` waits in native code with the GIL released.
PRELUDE = """
import select as _select
_word = _select.poll()
_word.register({fd}, _select.POLLIN)

def cancelled(seconds=0.0):
    return bool(_word.poll(1000 * seconds))
"""

#: The last that a driver runs inside: are threads left that were started in there? A thread counts as gone
#: once it has been joined. Up to 3.12, the interpreter's own shutdown waits for ever for the thread that
#: imported `threading`, unless that thread itself has said that it is over.
FAREWELL = """
import sys as _sys
_threading = _sys.modules.get("threading")
if _threading is not None:
    _me = _threading.get_ident()
    for _thread in _threading.enumerate():
        if _thread.ident != _me and _thread is not _threading.main_thread():
            if not isinstance(_thread, _threading._DummyThread):
                _thread.join({seconds})
                if _thread.is_alive():
                    raise RuntimeError("a thread is still inside")
    if _sys.version_info < (3, 13):
        _threading._shutdown()
"""


class BootstrapFailed(RuntimeError):
    """A guest did not come up; ``__cause__`` is what its bootstrap raised, or None if it took too long."""


class GuestState(enum.Enum):
    """A guest's life goes one way."""

    LIVE = "live"
    LEAVING = "leaving"
    LEAKED = "leaked"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """The honest answer to a destroy. LEAKED: its driver did not come out; ``inside`` says where it is.

    LEAVING: somebody else destroys it now.
    """

    guest: str
    state: GuestState
    inside: str = ""

    @property
    def gone(self) -> bool:
        return self.state is GuestState.GONE


#: A script and who waits for its end; None is the word to leave.
Job = tuple[str, Future[None]] | None


class Guest:
    """One interpreter and its driver. Made by the host; users hand in scripts, from any thread."""

    def __init__(self, name: str, *, own_gil: bool) -> None:
        self.name = name
        self.own_gil = own_gil
        self.interpreter: Interpreter | None = None
        self.thread: threading.Thread | None = None
        self.ready: Future[None] = Future()
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.state = GuestState.LIVE
        #: What the driver does now, for reports.
        self.doing = "starting"
        self._cancel_read, self._cancel_write = os.pipe()
        self._cancelled = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Guest({self.name!r}, {self.state.value}, {self.doing})"

    def submit(self, script: str) -> Future[None]:
        """Have the driver run ``script``; the future has its exception.

        A guest that leaves runs nothing more: the future is cancelled then.
        """
        done: Future[None] = Future()
        with self._lock:
            if self._cancelled:
                _drop(done)
            else:
                self.jobs.put((script, done))
        return done

    def cancel(self) -> None:
        """Let nothing new begin, wake what waits in ``cancelled``, and ask the driver to come out."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            os.write(self._cancel_write, b"!")
            self.jobs.put(None)

    def prelude(self) -> str:
        """What makes ``cancelled`` known inside."""
        return PRELUDE.format(fd=self._cancel_read)

    def next_job(self) -> Job:
        """What the driver does next; what was handed in before the cancel is dropped."""
        job = self.jobs.get()
        while job is not None and self._cancelled:
            _drop(job[1])
            job = self.jobs.get()
        return job

    def forget(self) -> None:
        """Close what is open: nobody is inside any more."""
        for descriptor in (self._cancel_read, self._cancel_write):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _drop(done: Future[None]) -> None:
    """Tell who waits that the script is not going to run."""
    done.cancel()
    done.set_running_or_notify_cancel()
