"""From the wish for a fresh worker to its first ``mj_step``: forked by the zygote, beside it a plain spawn.

The real launcher, zygote and worker are used, without the rest of a run. The clock starts before the worker's
folder, flight file and pipe are made, and stops in the worker, after its first step.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from benchmarks.row import Bench, Row, row
from benchmarks.soaking import SCENARIOS, environment
from soak import kernel
from soak.events import Event, WorkerSpec
from soak.supervisor.interpreter import find_interpreter
from soak.supervisor.launcher import Home, Launcher
from soak.supervisor.loop import Loop
from soak.supervisor.plan import Entry, worker_environment
from soak.supervisor.worker import Worker

FORKS, FORKS_PER_SPAWN, LIMIT_MS = 200, 10, 15.0
_FILE = SCENARIOS / "first_step.py"

_SPAWNED = f"""
import runpy, time
scene = runpy.run_path({str(_FILE)!r})
scene["step"](None, None)
"""


def measure(bench: Bench) -> list[Row]:
    """Two hundred forks one after the other, and after every tenth a spawn."""
    stamps = bench.folder / "stamps"
    os.environ["SOAK_BENCH_STAMPS"] = str(stamps)
    forks: list[float] = []
    spawns: list[float] = []
    with _Nursery(bench.folder) as nursery:
        for number in range(1, FORKS + 1):
            forks.append(_until_stamp(stamps, nursery.grow_one))
            if number % FORKS_PER_SPAWN == 0:
                spawns.append(_until_stamp(stamps, _spawn))
    return [
        _row("fork from the zygote to first mj_step", forks, LIMIT_MS),
        _row("spawn of a plain Python to first mj_step", spawns, None),
    ]


def _row(what: str, values: list[float], limit: float | None) -> Row:
    middle, late = statistics.median(values), statistics.quantiles(values, n=20)[-1]
    return row(
        what,
        values,
        "ms",
        target="" if limit is None else f"≤ {limit:g} ms",
        ok=limit is None or middle <= limit,
        note=f"p95 {late:.1f} ms",
    )


def _until_stamp(stamps: Path, act: Callable[[], None]) -> float:
    """Milliseconds from now until the stamp that ``act`` brings about."""
    stamps.unlink(missing_ok=True)
    began = time.monotonic()
    act()
    return 1e3 * (float(stamps.read_text()) - began)


def _spawn() -> None:
    subprocess.run([sys.executable, "-c", _SPAWNED], env=environment(), check=True)


_ENTRY = Entry(
    name="first_step",
    file=_FILE,
    summary="",
    seconds=1.0,
    fresh=False,
    sometimes=(),
    target="",
    hang_after=None,
    real_exit=False,
)


class _Nursery:
    """A zygote, and one worker at a time. Listens to the launcher as a job slot does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = Loop()
        self._ready = self._gone = False
        self._number = 0
        self._worker: Worker | None = None
        interpreter = find_interpreter("", folder / "import")
        home = Home(
            interpreter=interpreter,
            environment=worker_environment(_ENTRY, interpreter.python_path),
            log=folder / "zygote.log",
        )
        self._launcher = Launcher(self._loop, home, _ENTRY, "", self)

    def __enter__(self) -> Self:
        self._loop.run_until(lambda: self._ready)
        return self

    def __exit__(self, *exc: object) -> None:
        self._launcher.close()
        self._loop.run_until(lambda: self._gone)
        self._loop.close()

    def grow_one(self) -> None:
        """One worker from wish to burial."""
        self._number += 1
        spec = WorkerSpec(
            worker=self._number,
            scenario_file=str(_FILE),
            scenario="first_step",
            target="",
            seed=self._number,
            first_iteration=0,
            count=1,
            hang_after=10.0,
            perturb="none",
            guard_malloc=False,
            cores=True,
            folder=str(self._folder / "workers" / str(self._number)),
        )
        self._worker = Worker(self._loop, spec, _ENTRY, self._heard)
        self._launcher.launch(spec, self._worker.write_end)
        self._loop.run_until(lambda: self._worker is None)

    def _heard(self, event: Event) -> None:
        pass

    # -- what the zygote says --------------------------------------------------------------------------------

    def zygote_ready(self, how: str, reason: str) -> None:
        if how != "fork":
            raise RuntimeError(f"expected a zygote that forks: {reason}")
        self._ready = True

    def zygote_failed(self, message: str) -> None:
        raise RuntimeError(message)

    def worker_launched(self, pid: int) -> None:
        assert self._worker is not None
        self._worker.launched(pid)
        self._worker.listen()

    def worker_ended(self, status: int, left: list[kernel.Process]) -> None:
        assert self._worker is not None
        if status or left:
            raise RuntimeError(f"the worker ended with {status}, leaving {left}")
        self._worker.bury()
        self._worker = None

    def zygote_gone(self, status: int) -> None:
        self._gone = True
