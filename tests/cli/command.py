"""Runs `soak` as a user does, in a process of its own, and hands back all that it said and left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import soak
from soak import events, kernel
from soak.report.fold import read_events

E = TypeVar("E", bound=events.Event)

ROOT = Path(soak.__file__).parents[1]
#: No command of a test takes this long, unless it hangs.
DEADLINE_S = 90.0

_HEAD = "import os, random, signal, sys, threading, time\nimport soak\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended: its exit code as a shell says it, what it printed, its ``--out``."""

    code: int
    stdout: str
    stderr: str
    out: Path

    def document(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        assert self.stdout, f"nothing on stdout, exit code {self.code}: {self.stderr}"
        document: dict[str, Any] = json.loads(self.stdout)
        return document

    def runs(self) -> list[Path]:
        """The folders of the runs in its ``--out``, oldest first."""
        return sorted((self.out / "runs").iterdir(), key=lambda folder: folder.stat().st_mtime_ns)

    def events(self) -> list[events.Event]:
        """The newest run's stream, which must be whole."""
        stream = list(read_events(self.runs()[-1] / "events.jsonl"))
        whole = [event for event in stream if event is not None]
        assert len(whole) == len(stream), "the stream has a broken line"
        return whole

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events() if isinstance(event, kind)]

    def findings(self) -> list[Path]:
        """The folders of all findings in its ``--out``."""
        folder = self.out / "findings"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def finding(self) -> Path:
        """The folder of the only finding."""
        (folder,) = self.findings()
        return folder


class Running:
    """A `soak` that has been started, in a process session of its own."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, stdout: Path, stderr: Path) -> None:
        self.process = process
        self.pid = process.pid
        self.out = out
        self._stdout = stdout
        self._stderr = stderr

    @property
    def stderr(self) -> str:
        """What it has said on stderr so far."""
        return self._stderr.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finish(self, within: float = DEADLINE_S) -> Done:
        """Wait for its end."""
        code = self.process.wait(within)
        return Done(
            code=code,
            stdout=self._stdout.read_text(errors="replace"),
            stderr=self.stderr,
            out=self.out,
        )

    def stream(self) -> list[events.Event]:
        """What its run's stream holds so far."""
        with contextlib.suppress(OSError, IndexError):
            folder = sorted((self.out / "runs").iterdir())[-1]
            return [event for event in read_events(folder / "events.jsonl") if event is not None]
        return []

    def wait_for(self, kind: type[E]) -> E:
        """Wait until its stream holds an event of ``kind``; returns the first."""

        def first() -> E | None:
            return next((event for event in self.stream() if isinstance(event, kind)), None)

        found: E = self.wait_until(first, f"a {kind.__name__}")
        return found

    def wait_exists(self, path: Path) -> None:
        """Wait until something has made ``path``."""
        self.wait_until(path.exists, str(path))

    def wait_until(self, look: Callable[[], Any], what: str) -> Any:
        """Wait until ``look()`` is true, and return what it says; fails when the command ends before."""
        until = time.monotonic() + DEADLINE_S
        while not (seen := look()):
            assert self.process.poll() is None, f"soak ended before {what}: {self.stderr}"
            assert time.monotonic() < until, f"no {what} after {DEADLINE_S:.0f} s: {self.stderr}"
            time.sleep(0.005)
        return seen

    def descendants(self) -> list[kernel.Process]:
        """Every process below it."""
        return kernel.descendants(self.pid)


def _limited(limit: tuple[int, int] | None) -> list[str]:
    """What stands before a command to run it under a resource limit.

    Not subprocess's ``preexec_fn``: tests of what never ends leave threads in this process, and a fork that
    runs Python before its exec may then wait for a lock that one of them held.
    """
    if limit is None:
        return []
    program = (
        "import os, resource, sys; "
        f"resource.setrlimit({limit[0]}, ({limit[1]}, {limit[1]})); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", program]


class Soak:
    """Writes scenario files and runs commands, all below one folder."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self.folder = folder
        self.python = python
        self._running: list[Running] = []
        self._serial = 0

    def story(self, source: str, name: str = "story.py") -> Path:
        """A file with the scenarios in ``source``, which has the usual imports."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_HEAD + textwrap.dedent(source))
        return path

    def start(
        self,
        *words: str | Path,
        env: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        limit: tuple[int, int] | None = None,
        terminal: int | None = None,
    ) -> Running:
        """Start ``soak words…``. ``prefix`` stands before the command; ``limit`` is a resource and its limit;
        ``terminal`` is a descriptor that stands in for the file behind stderr."""
        self._serial += 1
        stdout, stderr = (self.folder / f"said-{self._serial}.{name}" for name in ("stdout", "stderr"))
        with stdout.open("wb") as out_file, stderr.open("wb") as err_file:
            process = subprocess.Popen(
                [*prefix, *_limited(limit), self.python, "-m", "soak", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file if terminal is None else terminal,
                env={**os.environ, **(env or {})},
                cwd=self.folder,
                start_new_session=True,
            )
        running = Running(process, self.folder / _out_of(words), stdout, stderr)
        self._running.append(running)
        return running

    def __call__(
        self,
        *words: str | Path,
        env: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        limit: tuple[int, int] | None = None,
    ) -> Done:
        """Run ``soak words…`` to its end."""
        return self.start(*words, env=env, prefix=prefix, limit=limit).finish()

    def end_all(self) -> None:
        """Kill what is still running, and everything below it."""
        for running in self._running:
            if running.process.poll() is None:
                for process in running.descendants():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGKILL)
                running.process.kill()
                running.process.wait()


def _out_of(words: tuple[str | Path, ...]) -> str:
    shown = [str(word) for word in words]
    return shown[shown.index("--out") + 1] if "--out" in shown else ".soak"


def alive(pid: int) -> bool:
    """Whether ``pid`` runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def wait_gone(pids: list[int], within: float) -> list[int]:
    """Wait until none of ``pids`` runs; returns those that still do after ``within`` seconds."""
    until = time.monotonic() + within
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < until:
        time.sleep(0.01)
    return left
