"""What a dead worker still tells: its last event, and the native stack in its core."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from soak.events import Evidence, Kind, Sighted, WorkerEnded
from soak.flight import SCENARIO, Snapshot
from soak.supervisor import machine, native
from soak.supervisor.errand import Errand
from soak.supervisor.launcher import Home
from soak.supervisor.loop import Loop
from soak.supervisor.plan import Entry
from soak.supervisor.watch import in_words
from soak.supervisor.worker import FAULT, NATIVE, Worker

#: The kinds that a native stack explains.
_NATIVE_KINDS = (Kind.CRASH, Kind.HANG)


class Coroner(Protocol):
    """What :func:`examine` needs of the run."""

    def home(self, entry: Entry) -> Home: ...
    def wants_native_stack(self, sighted: Sighted) -> bool: ...
    def add_evidence(self, evidence: Evidence) -> None: ...
    def errand_began(self) -> Callable[[], None]: ...


def ended_event(worker: Worker, status: int, snapshot: Snapshot, now: float) -> WorkerEnded:
    """The worker's end, with its counters exact to the last operation; ``now`` in monotonic seconds."""
    marks = zip(worker.entry.sometimes, snapshot.marks, strict=True)
    expected = worker.entry.expected
    return WorkerEnded(
        t=time.time(),
        worker=worker.spec.worker,
        scenario=worker.entry.name,
        status=status,
        asked=worker.asked,
        last_words=worker.last_words is not None,
        dump_began=worker.dump_began,
        phase=snapshot.phase,
        iteration=snapshot.iteration,
        seconds=now - worker.started,
        iterations=snapshot.iterations,
        operations=snapshot.operations,
        accepted=snapshot.accepted,
        refused=snapshot.refused,
        sometimes={text: count for text, count in marks if text in expected},
        doing=tuple(in_words(thread, now) for thread in snapshot.threads if thread.doing),
        fault_text=worker.text(FAULT, limit=200_000),
        mujoco_log=worker.text("cwd/MUJOCO_LOG.TXT", limit=20_000),
        oom=_oom(worker, now) if status == -signal.SIGKILL and not worker.asked else "",
        operation=only_operation(snapshot),
    )


def only_operation(snapshot: Snapshot) -> str:
    """What the scenario's thread was in, where it has only one: of several it is chance who is in what."""
    threads = [thread for thread in snapshot.threads if thread.kind == SCENARIO]
    return threads[0].doing if len(threads) == 1 else ""


def _oom(worker: Worker, now: float) -> str:
    return machine.oom_line(worker.pid, time.time() - (now - worker.started), worker.oom_kills_before)


def examine(loop: Loop, coroner: Coroner, worker: Worker, sightings: Sequence[Sighted]) -> None:
    """Get the native stack out of a core, where one is wanted; then remove the worker's folder."""
    wanting = [
        sighted
        for sighted in sightings
        if sighted.kind in _NATIVE_KINDS and coroner.wants_native_stack(sighted)
    ]
    if not wanting or (worker.folder / NATIVE).exists():
        shutil.rmtree(worker.folder, ignore_errors=True)
        return
    core = native.find_core(worker.folder / "cwd", worker.pid)
    if core is None:
        reasons = [worker.native_problem, native.why_no_core(worker.folder / "cwd", worker.pid)]
        _conclude(coroner, worker, wanting, path="", problem="; ".join(filter(None, reasons)))
        return
    over = coroner.errand_began()

    def analysed(code: int | None) -> None:
        if code == 0:
            name = f"{worker.folder.parent.name}/{worker.folder.name}/{NATIVE}"
            _conclude(coroner, worker, wanting, path=name, problem="")
        else:
            late = "pystack took too long over the core"
            problem = late if code is None else native.explain(worker.text(NATIVE))
            _conclude(coroner, worker, wanting, path="", problem=problem)
        over()

    executable = Path(coroner.home(worker.entry).interpreter.executable)
    command = native.core_command(core, executable)
    Errand(loop, command, worker.folder / NATIVE, limit=native.CORE_SECONDS, done=analysed)


def _conclude(
    coroner: Coroner, worker: Worker, sightings: Sequence[Sighted], *, path: str, problem: str
) -> None:
    for sighted in sightings:
        coroner.add_evidence(
            Evidence(t=time.time(), sighting=sighted.sighting, name=NATIVE, path=path, problem=problem)
        )
    shutil.rmtree(worker.folder, ignore_errors=True)
