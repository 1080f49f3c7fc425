"""Runs one real worker process on a scenario given as text, and hands back all that it said."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import soak
from soak.events import Event, LastWords, WorkerSpec, decode, to_plain
from soak.flight import FlightReader, Snapshot, create

E = TypeVar("E", bound=Event)

ROOT = Path(soak.__file__).parents[1]
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a worker left: its events in order, its exit status as ``Popen.returncode``, its folder."""

    events: tuple[Event, ...]
    status: int
    folder: Path

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def last_words(self) -> LastWords:
        (words,) = self.of(LastWords)
        return words

    def one(self, kind: type[E]) -> E:
        (event,) = self.of(kind)
        return event

    def snapshot(self, name: str = "flight") -> Snapshot:
        reader = FlightReader(self.folder / name)
        try:
            return reader.snapshot(rings=True, marks=4)
        finally:
            reader.close()

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


class Worker:
    """A running worker process."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec = spec
        self.folder = Path(spec.folder)
        (self.folder / "spec.json").write_text(json.dumps(to_plain(spec)))
        create(self.folder / "flight")
        self._read, write = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "soak.worker", "run", str(self.folder / "spec.json"), str(write)],
            pass_fds=(write,),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=self.folder,
        )
        os.close(write)
        self._rest = b""
        self._events: list[Event] = []

    def next_event(self) -> Event | None:
        """The next event; None once the worker has closed its pipe."""
        until = time.monotonic() + DEADLINE_S
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            data = os.read(self._read, 1 << 16) if ready else b""
            if not ready:
                self.process.kill()
                raise AssertionError(f"the worker said nothing for {DEADLINE_S} s; heard {self._events}")
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        event = decode(line)
        self._events.append(event)
        return event

    def wait_exists(self, name: str) -> None:
        """Wait until the worker, or what it runs, has made the file ``name`` in its folder."""
        until = time.monotonic() + DEADLINE_S
        while not (self.folder / name).exists():
            assert self.process.poll() is None, f"the worker ended before it made {name}"
            assert time.monotonic() < until, f"no {name} after {DEADLINE_S} s"
            time.sleep(0.001)

    def ask_to_stop(self) -> None:
        reader = FlightReader(self.folder / "flight")
        reader.ask_to_stop()
        reader.close()

    def hang_up(self) -> None:
        """Close the reading end, as a supervisor that dies does."""
        os.close(self._read)

    def finish(self) -> Outcome:
        """Hear it out."""
        while self.next_event() is not None:
            pass
        status = self.process.wait(DEADLINE_S)
        os.close(self._read)
        return Outcome(events=tuple(self._events), status=status, folder=self.folder)


def make_spec(tmp_path: Path, source: str, **changes: object) -> WorkerSpec:
    """A spec for the scenario ``story`` in ``source``, in a folder of its own below ``tmp_path``."""
    number = len(list(tmp_path.glob("worker-*")))
    folder = tmp_path / f"worker-{number}"
    folder.mkdir()
    file = tmp_path / f"story{number}.py"
    file.write_text("import soak\n" + textwrap.dedent(source))
    spec = WorkerSpec(
        worker=7,
        scenario_file=str(file),
        scenario="story",
        target="",
        seed=1,
        first_iteration=0,
        count=1,
        hang_after=20.0,
        perturb="none",
        guard_malloc=False,
        cores=False,
        folder=str(folder),
    )
    return replace(spec, **changes)  # type: ignore[arg-type]


def start(tmp_path: Path, source: str, **changes: object) -> Worker:
    """Start a worker on the scenario ``story``; ``changes`` are fields of its spec."""
    return Worker(make_spec(tmp_path, source, **changes))


def soak_story(tmp_path: Path, source: str, **changes: object) -> Outcome:
    """Run a worker on the scenario ``story`` to its end."""
    return start(tmp_path, source, **changes).finish()
