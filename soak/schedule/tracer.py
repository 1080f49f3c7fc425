"""Stops one thread of another process while it is in a native library: ``python tracer.py PID``.

In comes a line ``TID DELAY``. Out go ``s``, the thread is watched, or ``x`` and why it cannot be. Right
before its call the thread sends a signal to itself, which stops it until we look: however busy the machine
is, we do not come too late. Out goes then a capital letter, it is stopped in a library, and if somebody says
that letter soon, ``k``, it stays so until ``t`` is said. Or ``d``, that could not be done.

The others of the traced process run on: ``PTRACE_SEIZE`` takes one thread (ptrace(2)). Where it stands is
looked at again and again, for a thread that holds the interpreter's lock must not be stopped: outside of the
interpreter's and the system's own code it mostly does not, and if nobody else can go on it is let go.

Linux on x86-64. Standard library only, and nothing of soak: it is a program by itself, and soon there.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import select
import signal
import string
import sys
import time
from pathlib import Path

SEIZE, INTERRUPT, CONTINUE, REGISTERS, DETACH = 0x4206, 0x4207, 7, 12, 17
_ALL = 0x40000000  # __WALL: threads are waited for like children
_TRAP = 5
#: Registers in front of the program counter in Linux's user_regs_struct for x86-64, and how many there are.
_RIP, _COUNT = 16, 27
#: Seconds for a call to come to where it can be stopped, for others to go on meanwhile, and for all of it.
LOOK, MEET, STAY = 2.0, 0.005, 5.0
_GLANCE = 0.0002
#: Seconds that it runs between two looks.
_MOMENT = 20e-6
#: What a thread sends to itself: nobody minds it who is not traced.
COMES = signal.SIGWINCH
#: What a thread runs in that may hold the interpreter's lock, or one of the allocator's.
_NOT_NATIVE = ("python", "libpython", "libc.", "libc-", "ld-", "libpthread", "libm.", "libm-")


class Traced:
    """A thread that is watched. Raises OSError where that is not permitted."""

    def __init__(self, pid: int, thread: int) -> None:
        self._thread = thread
        self._libraries = libraries(Path(f"/proc/{pid}/maps").read_text())
        self._registers = (ctypes.c_ulonglong * _COUNT)()
        _ptrace(SEIZE, thread)

    def stop(self) -> bool:
        """Stop it wherever it is; whether that is in a library. Raises ChildProcessError if it has ended."""
        _ptrace(INTERRUPT, self._thread)
        _, status = os.waitpid(self._thread, _ALL)
        if not os.WIFSTOPPED(status):
            raise ChildProcessError("the thread has ended")
        self._signal = 0 if os.WSTOPSIG(status) == _TRAP else os.WSTOPSIG(status)
        _ptrace(REGISTERS, self._thread, ctypes.addressof(self._registers))
        return any(low <= self.counter < high for low, high in self._libraries)

    @property
    def counter(self) -> int:
        """Where it was stopped last."""
        return self._registers[_RIP]

    def has_come(self) -> bool:
        """Whether it has sent the signal, and is stopped by it. Raises ChildProcessError if it has ended."""
        found, status = os.waitpid(self._thread, _ALL | os.WNOHANG)
        if not found:
            return False
        if not os.WIFSTOPPED(status):
            raise ChildProcessError("the thread has ended")
        self._signal = os.WSTOPSIG(status)
        if self._signal == COMES:
            self._signal = 0
            return True
        self.go_on()
        return False

    def go_on(self) -> None:
        """Let it run, watched."""
        _ptrace(CONTINUE, self._thread, self._signal)

    def let_go(self) -> None:
        """Let it run, for good."""
        _ptrace(DETACH, self._thread, self._signal)


def libraries(maps: str) -> list[tuple[int, int]]:
    """Where ``/proc/PID/maps`` has the code of native libraries, not the interpreter's or the system's."""
    found = []
    for line in maps.splitlines():
        addresses, rights, _offset, _device, _inode, *path = line.split(maxsplit=5)
        if "x" in rights and path and path[0].startswith("/") and not _is_interpreter(path[0]):
            low, high = addresses.split("-")
            found.append((int(low, 16), int(high, 16)))
    return found


def _is_interpreter(path: str) -> bool:
    return Path(path).name.startswith(_NOT_NATIVE) or "/lib-dynload/" in path


def main(pid: int) -> None:
    """One thread, once."""
    thread, delay = _line().split()
    try:
        traced = Traced(pid, int(thread))
    except OSError as error:
        _say(f"x{error.strerror}")
        return
    _say("s")
    try:
        if _comes(traced):
            _stop_within(traced, float(delay))
    except (OSError, ChildProcessError):  # it has ended
        _say("d")


def _comes(traced: Traced) -> bool:
    until = time.monotonic() + LOOK
    while not traced.has_come():
        if time.monotonic() > until:
            return False
        time.sleep(_GLANCE)
    return True


def _stop_within(traced: Traced, delay: float) -> None:
    began, stood = time.perf_counter(), -1
    letters = itertools.cycle(string.ascii_uppercase)
    traced.go_on()
    _spin(delay)
    while time.perf_counter() - began < LOOK:
        if traced.stop():
            _say(letter := next(letters))
            if _heard(letter.encode(), MEET):
                _say("k")
                _heard(b"t", STAY)
                traced.let_go()
                return
        traced.go_on()
        if traced.counter == stood:
            time.sleep(_MOMENT)  # it was not its turn yet, on a busy machine maybe because it is ours
        else:
            _spin(_MOMENT)  # to be woken up would take longer than many a call
        stood = traced.counter
    traced.stop()
    traced.let_go()
    _say("d")


def _spin(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def _ptrace(request: int, thread: int, data: int = 0) -> None:
    if _libc.ptrace(request, thread, 0, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _say(words: str) -> None:
    os.write(1, words.encode())


def _heard(wanted: bytes, seconds: float) -> bool:
    """Whether it came in time. What was said too late before it is passed over."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([0], [], [], left)
        if ready and (byte := os.read(0, 1)) in (wanted, b""):
            return byte == wanted
    return False


def _line() -> str:
    said = b""
    while not said.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit()  # nothing was found that could be confirmed
        said += byte
    return said.decode()


if __name__ == "__main__":
    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    _libc.ptrace.restype = ctypes.c_long
    with contextlib.suppress(BrokenPipeError):  # nobody is left to hear it: what was wanted
        main(int(sys.argv[1]))
