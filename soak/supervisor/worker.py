"""The supervisor's handle of one worker process: its event pipe, flight file, pidfd and folder."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from soak import flight
from soak.events import Event, LastWords, Note, WorkerSpec, decode
from soak.supervisor import machine
from soak.supervisor.loop import Loop
from soak.supervisor.plan import Entry

_READ_SIZE = 1 << 16
#: A worker's stdout and stderr may grow to this many bytes before the supervisor cuts them.
OUTPUT_LIMIT = 4 << 20
_OUTPUT_KEPT = 256 << 10
#: A line of the event pipe longer than this is not ours: something wrote into the descriptor.
_LINE_LIMIT = 4 << 20

FAULT, STDOUT, STDERR, FLIGHT, NATIVE = "fault.txt", "stdout", "stderr", "flight", "native.txt"


class Worker:
    """One worker from launch to burial. ``emit`` gets each event that it writes.

    ``native_problem`` is why its native stacks could not be read from outside, if somebody tried.
    """

    def __init__(self, loop: Loop, spec: WorkerSpec, entry: Entry, emit: Callable[[Event], None]) -> None:
        self.spec = spec
        self.entry = entry
        self.folder = Path(spec.folder)
        self.pid = 0
        self.started = loop.clock()
        self.asked = ""
        self.last_words: LastWords | None = None
        self.dump_began = False
        self.oom_kills_before = machine.oom_kills()
        self.native_problem = ""
        self._loop = loop
        self._emit = emit
        self._pending = b""
        self._pidfd = -1
        self._buried = False
        for name in ("cwd", "tmp"):
            (self.folder / name).mkdir(parents=True)
        flight.create(self.folder / FLIGHT)
        self.flight = flight.FlightReader(self.folder / FLIGHT)
        self._read_end, self.write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read_end, False)

    def launched(self, pid: int) -> None:
        """The zygote started the process; it may have ended again by now."""
        self.pid = pid
        with contextlib.suppress(ProcessLookupError):
            self._pidfd = os.pidfd_open(pid)

    def listen(self) -> None:
        """Hear its events from now on; those that it wrote since its launch are waiting in the pipe."""
        self._loop.on_readable(self._read_end, self._readable)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal; nothing happens when it is gone."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill(self, asked: str) -> None:
        """SIGKILL, because ``asked``; the zygote kills and names what it leaves running."""
        self.asked = self.asked or asked
        self.signal(signal.SIGKILL)

    def ask_to_stop(self) -> None:
        if not self._buried:
            self.flight.ask_to_stop()

    def bury(self) -> None:
        """The process is gone: read its last events and close everything but its folder."""
        self._buried = True
        while self._read_once():
            pass
        self._loop.forget(self._read_end)
        os.close(self._read_end)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        self.flight.close()

    def bound_output(self) -> None:
        """Cut stdout and stderr that have grown too large, keeping the beginning and the newest part.

        The worker's descriptors append, so it goes on writing at the file's new end.
        """
        for name in (STDOUT, STDERR):
            path = self.folder / name
            with contextlib.suppress(FileNotFoundError):
                size = path.stat().st_size
                if size > OUTPUT_LIMIT:
                    _cut(path, size)

    def evidence(self, *more: str) -> tuple[str, ...]:
        """The files of its folder that hold something, named relative to the run's folder."""
        return evidence_in(self.folder, *more)

    def text(self, name: str, limit: int = 1 << 20) -> str:
        """The beginning of one of its text files, "" where there is none."""
        with contextlib.suppress(OSError), (self.folder / name).open("rb") as file:
            return file.read(limit).decode("utf-8", "replace")
        return ""

    def _readable(self) -> None:
        self._read_once()

    def _read_once(self) -> bool:
        try:
            data = os.read(self._read_end, _READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._loop.forget(self._read_end)
            return False
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._heard(line)
        if len(self._pending) > _LINE_LIMIT:
            self._pending = b""
        return True

    def _heard(self, line: bytes) -> None:
        try:
            event = decode(line)
        except ValueError as error:
            text = f"worker {self.spec.worker}: something else than soak wrote into the event pipe: {error}"
            event = Note(t=time.time(), text=text[:500])
        if isinstance(event, LastWords):
            self.last_words = event
        self._emit(event)


def evidence_in(folder: Path, *more: str) -> tuple[str, ...]:
    """The files of a worker's folder that tell something, named relative to the run's folder."""
    histories = sorted(path.name for path in folder.glob("history-*.txt"))
    candidates = [FAULT, NATIVE, STDERR, STDOUT, "cwd/MUJOCO_LOG.TXT", *histories, *more]
    found = []
    for name in candidates:
        with contextlib.suppress(OSError):
            if (folder / name).stat().st_size:
                found.append(f"{folder.parent.name}/{folder.name}/{name}")
    return tuple(found)


def _cut(path: Path, size: int) -> None:
    head = path.with_name(f"{path.name}.head")
    with path.open("r+b") as file:
        if not head.exists():
            head.write_bytes(file.read(_OUTPUT_KEPT))
        file.seek(max(0, size - _OUTPUT_KEPT))
        tail = file.read(_OUTPUT_KEPT)
        file.truncate(0)
    with path.open("ab") as file:
        file.write(f"[soak: {size - len(tail)} bytes cut here]\n".encode() + tail)
