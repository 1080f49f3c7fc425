"""The child that explores schedules: started, watched by its token file, killed when nothing moves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from soak import kernel
from soak.detect.words import signal_name
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.plan import base_environment

_POLL_S = 0.2
#: Seconds that a child which hangs has to write its stacks.
_DUMP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What became of a child: its record, or how it died, and the token of its last schedule.

    ``met`` says which two native calls did meet in it, where they were to: see :mod:`soak.schedule.freeze`.
    """

    record: dict[str, Any] | None
    signal: int
    hung: bool
    exit_code: int
    token: str
    met: str = ""

    @property
    def death(self) -> str:
        """How it ended without having said anything; empty if it has."""
        if self.record is not None:
            return ""
        if self.hung:
            return "a hang"
        return signal_name(self.signal) if self.signal else f"exit code {self.exit_code}"


def explore_in_child(
    interpreter: Interpreter,
    spec: dict[str, Any],
    folder: Path,
    *,
    hang_after: float,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
    started: Callable[[int], None] = lambda _pid: None,
) -> Explored:
    """Run one exploration. ``hang_after`` seconds without a new schedule are a hang that the child's own
    watchdog could not see, as where native code holds the GIL. What the child prints goes into ``output``,
    by default to stderr; ``started`` hears its process id."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in ("token.txt", "result.json", "met.txt"):
        (folder / stale).unlink(missing_ok=True)
    child = subprocess.Popen(
        [interpreter.executable, "-m", "soak.schedule", json.dumps(spec), str(folder.resolve())],
        env=base_environment(interpreter.python_path) if environment is None else environment,
        stdin=subprocess.DEVNULL,
        stdout=output or sys.stderr.fileno(),
        stderr=output,
        start_new_session=True,
        preexec_fn=_die_with_the_supervisor,
    )
    try:
        started(child.pid)
        hung = _wait(child, folder / "token.txt", hang_after)
        if hung and output is not None:
            _ask_for_stacks(child)
    finally:
        _kill(child)
    code = child.returncode
    result = folder / "result.json"
    return Explored(
        record=json.loads(result.read_text()) if result.is_file() else None,
        signal=-code if code < 0 and not hung else 0,
        hung=hung,
        exit_code=code,
        token=_line(folder / "token.txt"),
        met=_line(folder / "met.txt"),
    )


def _line(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


def _wait(child: subprocess.Popen[bytes], token: Path, hang_after: float) -> bool:
    """Whether the child stopped making progress."""
    seen, since = 0, time.monotonic()
    while True:
        try:
            child.wait(timeout=_POLL_S)
            return False
        except subprocess.TimeoutExpired:
            moved = token.stat().st_mtime_ns if token.is_file() else 0
            if moved != seen:
                seen, since = moved, time.monotonic()
            elif time.monotonic() - since > hang_after:
                return True


def _ask_for_stacks(child: subprocess.Popen[bytes]) -> None:
    """Let the child's faulthandler write down where its threads stand, if it still can."""
    child.send_signal(signal.SIGUSR1)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_DUMP_S)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child's whole group, also what it left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _die_with_the_supervisor() -> None:
    """In the child: a `kill -9` of the supervisor leaves no explorer behind."""
    kernel.set_parent_death_signal(signal.SIGKILL)
