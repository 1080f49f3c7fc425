"""One try of a reproducer under gdb, and what it was that stopped there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from soak import kernel
from soak.detect import Detective
from soak.detect.project import Project
from soak.events import Event, Sighted, WorkerSpec, WorkerStarted, to_plain
from soak.findings.signature import signature
from soak.supervisor import debugger
from soak.supervisor.autopsy import ended_event
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.loop import Loop
from soak.supervisor.plan import Entry, Plan
from soak.supervisor.worker import FAULT, Worker

#: Beyond the scenario's own seconds and its hang limits: gdb reads symbols, and the worker imports.
_EXTRA_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Debugged:
    """A try. ``said`` is what gdb printed ("" where it was on the terminal), ``fault`` faulthandler's text;
    ``sighted`` is what was seen, each finding once, as far as can be told; ``late`` if it took too long."""

    stopped: bool
    said: str
    fault: str
    sighted: tuple[Sighted, ...]
    late: bool

    @property
    def refusal(self) -> str:
        """Why gdb could not trace the worker; "" where it could."""
        return debugger.refusal(self.said)


def debug(
    plan: Plan,
    entry: Entry,
    interpreter: Interpreter,
    environment: Mapping[str, str],
    folder: Path,
    *,
    gdb: str,
    at_exit: bool,
    interactive: bool,
) -> Debugged:
    """Run the worker of ``plan``'s only entry under gdb in a new ``folder``, without a supervisor.

    Nobody watches for hangs: a try that takes far too long is killed, unless a person sits at the prompt.

    Raises:
        OSError: the folder cannot be written, or gdb cannot be started.
    """
    loop = Loop()
    events: list[Event] = []
    worker = Worker(loop, _spec(plan, entry, folder), entry, events.append)
    spec_file = worker.folder / "spec.json"
    spec_file.write_text(json.dumps(to_plain(worker.spec)))
    words = debugger.command(
        gdb,
        interpreter.command("run", str(spec_file), str(worker.write_end)),
        worker.folder,
        extension=debugger.python_extension(Path(interpreter.executable)),
        at_exit=at_exit,
        interactive=interactive,
    )
    late = _run(loop, worker, words, dict(environment), interactive=interactive, limit=_limit(plan, entry))
    said = worker.text("gdb.txt")
    return Debugged(
        stopped=debugger.has_stopped(worker.folder),
        said=said,
        fault=worker.text(FAULT),
        sighted=() if late else _seen(loop, worker, events, debugger.status(said)),
        late=late,
    )


def _spec(plan: Plan, entry: Entry, folder: Path) -> WorkerSpec:
    return WorkerSpec(
        worker=1,
        scenario_file=str(entry.file),
        scenario=entry.name,
        target=plan.target,
        seed=plan.seed,
        first_iteration=plan.first_iteration,
        count=plan.span,
        hang_after=plan.hang_limit(entry),
        perturb=plan.perturb,
        guard_malloc=plan.guard_malloc,
        cores=False,
        folder=str(folder),
        env=entry.env,
    )


def _limit(plan: Plan, entry: Entry) -> float:
    return plan.span * (2 * entry.seconds + 3 * plan.hang_limit(entry)) + _EXTRA_S


def _run(
    loop: Loop,
    worker: Worker,
    words: list[str],
    environment: dict[str, str],
    *,
    interactive: bool,
    limit: float,
) -> bool:
    """Run gdb to its end; whether that had to be brought about."""
    kernel.become_subreaper()
    environment.pop("DEBUGINFOD_URLS", None)  # gdb would ask whether to download symbols
    with (worker.folder / "gdb.txt").open("wb") as output:
        # A person at the prompt types Ctrl-C for gdb, which would end us as well.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if interactive else None
        process = subprocess.Popen(
            words,
            pass_fds=(worker.write_end,),
            env=environment,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=None if interactive else output,
            stderr=None if interactive else subprocess.STDOUT,
            start_new_session=not interactive,
            preexec_fn=_hear_the_keyboard if interactive else None,
        )
    os.close(worker.write_end)
    worker.listen()
    pidfd = os.pidfd_open(process.pid)
    over: list[str] = []
    loop.on_readable(pidfd, lambda: over.append("ended"))
    if not interactive:
        loop.later(limit, lambda: over.append("late"))
    try:
        loop.run_until(lambda: bool(over))
    finally:
        kernel.kill_descendants(os.getpid())
        process.wait()
        loop.forget(pidfd)
        os.close(pidfd)
        if before is not None:
            signal.signal(signal.SIGINT, before)
    return "late" in over


def _hear_the_keyboard() -> None:
    """In the child: we ignore Ctrl-C for its sake, and that would be inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _seen(loop: Loop, worker: Worker, events: list[Event], status: int) -> tuple[Sighted, ...]:
    """What the detectors see in the worker's events and its end, the first sighting of each finding."""
    snapshot = worker.flight.snapshot(marks=len(worker.entry.sometimes))
    worker.bury()
    detective = Detective(project=Project.of(Path.cwd()))
    spec = worker.spec
    began = WorkerStarted(
        t=time.time(),
        worker=spec.worker,
        scenario=spec.scenario,
        pid=0,
        first_iteration=spec.first_iteration,
        how="gdb",
        sometimes=worker.entry.expected,
    )
    ended = ended_event(worker, status, snapshot, loop.clock())
    seen: list[Sighted] = []
    for event in (began, *events, ended):
        seen += detective.feed(event)
    return tuple({signature(sighted).id: sighted for sighted in reversed(seen)}.values())[::-1]
