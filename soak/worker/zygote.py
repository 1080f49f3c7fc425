"""The zygote: imports a scenario and its target once, then forks a worker in milliseconds, again and again.

One zygote serves one job slot and has one worker at a time. It runs no scenario code beyond the import, and
no thread. It is the subreaper of its worker: whatever a worker leaves running, in whatever process session,
ends up below it, so it kills and names every such process when the worker ends, and all of them when the
supervisor is gone, ``kill -9`` included (its end of the control socket closes).

Messages on the control socket are JSON lines. From the supervisor: ``{"launch": WorkerSpec}`` with the event
pipe's descriptor as ancillary data. From the zygote: ``{"ready": …}`` or ``{"failed": …}`` once,
then ``{"launched": pid}`` and ``{"ended": pid, "status": …, "left": […]}`` for each worker.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak import events, kernel
from soak.author import Scenario
from soak.worker.load import LoadError, load

_MESSAGE_LIMIT = 1 << 20
SPEC_FILE = "spec.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a forked child leaves :func:`serve` with: all that ``run_worker`` needs."""

    spec: events.WorkerSpec
    event_fd: int
    scenario: Scenario
    target: Any
    zygote: int


def serve(
    control: socket.socket, scenario_file: str, name: str, target: str, *, fresh: bool
) -> Launch | None:
    """Serve until the supervisor hangs up (None), or return a :class:`Launch` in a freshly forked child."""
    # While the import runs nobody reads the control socket; until then the kernel watches the parent.
    kernel.set_parent_death_signal(signal.SIGKILL)
    kernel.become_subreaper()
    try:
        scenario, loaded = (None, None) if fresh else load(scenario_file, name, target)
    except LoadError as error:
        _send(control, {"failed": str(error)})
        return None
    reason = "" if fresh else _why_not_fork()
    gc.collect()
    gc.freeze()
    _send(control, {"ready": {"how": "spawn" if fresh or reason else "fork", "reason": reason}})
    kernel.set_parent_death_signal(0)
    return _Zygote(control, scenario, loaded, spawn=fresh or bool(reason)).loop()


class _Zygote:
    """The serving loop's state: the control socket and at most one live worker."""

    def __init__(
        self, control: socket.socket, scenario: Scenario | None, target: Any, *, spawn: bool
    ) -> None:
        self._control = control
        self._scenario = scenario
        self._target = target
        self._spawn = spawn
        self._worker: int | None = None
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def loop(self) -> Launch | None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while True:
                for key, _mask in selector.select():
                    if key.fileobj is self._control:
                        if not self._heard():
                            return None
                        if self._launched is not None:
                            return self._launched
                    else:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._wake_read, 4096)
                        self._reap()

    _launched: Launch | None = None

    def _heard(self) -> bool:
        """Read one message; False when the supervisor is gone, after everybody below has been killed."""
        data, fds, _flags, _address = socket.recv_fds(self._control, _MESSAGE_LIMIT, 1)
        if not data:
            kernel.kill_descendants(os.getpid())
            return False
        spec = events.from_plain(events.WorkerSpec, json.loads(data)["launch"])
        self._launch(spec, fds[0])
        return True

    def _launch(self, spec: events.WorkerSpec, event_fd: int) -> None:
        if self._spawn:
            pid = self._spawn_worker(spec, event_fd)
        else:
            zygote = os.getpid()
            pid = os.fork()
            if pid == 0:
                self._become_worker(spec, event_fd, zygote)
                return
        self._worker = pid
        os.close(event_fd)
        _send(self._control, {"launched": pid})

    def _become_worker(self, spec: events.WorkerSpec, event_fd: int, zygote: int) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._control.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        assert self._scenario is not None
        self._launched = Launch(
            spec=spec, event_fd=event_fd, scenario=self._scenario, target=self._target, zygote=zygote
        )

    def _spawn_worker(self, spec: events.WorkerSpec, event_fd: int) -> int:
        Path(spec.folder, SPEC_FILE).write_text(json.dumps(events.to_plain(spec)))
        process = subprocess.Popen(
            [sys.executable, "-m", "soak.worker", "run", str(Path(spec.folder, SPEC_FILE)), str(event_fd)],
            pass_fds=(event_fd,),
            env=os.environ | spec.env,
            stdin=subprocess.DEVNULL,
        )
        process.returncode = 0  # reaped by pid in _reap; Popen must not wait for it nor warn
        return process.pid

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._worker:
                self._worker = None
                left = kernel.kill_descendants(os.getpid())
                _send(
                    self._control,
                    {
                        "ended": pid,
                        "status": os.waitstatus_to_exitcode(status),
                        "left": [dataclasses.asdict(process) for process in left],
                    },
                )


def _why_not_fork() -> str:
    """Why forking this process would not be safe, or "": threads do not survive a fork, their locks do."""
    names = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    if names:
        return f"importing the target started threads: {', '.join(names)}"
    native = len(list(Path("/proc/self/task").iterdir()))
    return f"importing the target started {native - 1} native threads" if native > 1 else ""


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    # A supervisor that is gone is noticed where its messages are read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        control.sendall(json.dumps(message).encode() + b"\n")
