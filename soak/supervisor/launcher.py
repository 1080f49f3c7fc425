"""The supervisor's end of a zygote: starts it, asks it for workers, hears how they end."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from soak import kernel
from soak.events import WorkerSpec, to_plain
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.loop import Loop
from soak.supervisor.plan import Entry

_MESSAGE_LIMIT = 1 << 20
#: Importing a target with its native libraries takes a second or two; this long, it hangs.
IMPORT_LIMIT_S = 120.0
#: A zygote that was hung up on kills all that is below it, for 2 s at most; one that imports hears nothing.
_CLOSE_LIMIT_S = 5.0


class Listener(Protocol):
    """Who hears what a zygote says."""

    def zygote_ready(self, how: str, reason: str) -> None: ...
    def zygote_failed(self, message: str) -> None: ...
    def worker_launched(self, pid: int) -> None: ...
    def worker_ended(self, status: int, left: list[kernel.Process]) -> None: ...
    def zygote_gone(self, status: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where zygotes run: interpreter, environment and log file."""

    interpreter: Interpreter
    environment: dict[str, str]
    log: Path


class Launcher:
    """One zygote process. Calls ``listener`` from the loop."""

    def __init__(self, loop: Loop, home: Home, entry: Entry, target: str, listener: Listener) -> None:
        self._loop = loop
        self._listener = listener
        self._home = home
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        how = "fresh" if entry.fresh else "fork"
        with theirs, home.log.open("ab") as log:
            self._process = subprocess.Popen(
                home.interpreter.command(
                    "zygote", str(theirs.fileno()), str(entry.file), entry.name, target, how
                ),
                pass_fds=(theirs.fileno(),),
                env=home.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._control = ours
        self._control.setblocking(False)
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.on_readable(ours.fileno(), self._readable)
        loop.on_readable(self._pidfd, self._gone)
        self._import_timer = loop.later(IMPORT_LIMIT_S, self._import_hangs)
        self._closing = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def launch(self, spec: WorkerSpec, event_fd: int) -> None:
        """Ask for a worker; ``event_fd`` is duplicated into it and closed here."""
        message = json.dumps({"launch": to_plain(spec)}).encode()
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # _gone will tell
                socket.send_fds(self._control, [message], [event_fd])
        finally:
            os.close(event_fd)

    def close(self) -> None:
        """Hang up: the zygote kills all that is below it, and ends. :meth:`Listener.zygote_gone` follows."""
        if not self._closing:
            self._closing = True
            self._import_timer.cancel()
            self._loop.forget(self._control.fileno())
            self._control.close()
            self._close_timer = self._loop.later(_CLOSE_LIMIT_S, self.kill)

    def kill(self) -> None:
        """For a zygote that does not end by itself; the kernel then kills its worker too."""
        if self._process.returncode is None:
            self._process.kill()

    def _import_hangs(self) -> None:
        self._listener.zygote_failed(
            f"importing the scenario's file and target did not end within {IMPORT_LIMIT_S:.0f} s"
        )

    def _readable(self) -> None:
        # A seqpacket socket hands over one message a call.
        while not self._closing:
            try:
                data = self._control.recv(_MESSAGE_LIMIT)
            except (BlockingIOError, ConnectionResetError):
                return
            if not data:
                self._loop.forget(self._control.fileno())
                return
            self._heard(json.loads(data))

    def _heard(self, message: dict[str, Any]) -> None:
        match message:
            case {"ready": ready}:
                self._import_timer.cancel()
                self._listener.zygote_ready(ready["how"], ready["reason"])
            case {"failed": text}:
                self._import_timer.cancel()
                self._listener.zygote_failed(text)
            case {"launched": pid}:
                self._listener.worker_launched(pid)
            case {"ended": _, "status": status, "left": left}:
                self._listener.worker_ended(status, [kernel.Process(**process) for process in left])
            case _:
                raise AssertionError(f"unreachable: the zygote said {message}")

    def _gone(self) -> None:
        if not self._closing:
            self._readable()
        self._loop.forget(self._pidfd)
        os.close(self._pidfd)
        status = self._process.wait()
        self.close()
        self._close_timer.cancel()
        self._listener.zygote_gone(status)
