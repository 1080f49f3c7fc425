"""What `run`, `repro` and `canary` share: a folder, a lock, an interpreter, a run with store and views."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from soak.cli.exits import Exit, MachineProblem, Problem, UsageProblem
from soak.cli.selection import Skipped
from soak.events import ScenarioSkipped, Sighted, Verdict, WorkerStarted
from soak.findings.keeper import StoreKeeper
from soak.findings.mend import mend_all
from soak.findings.store import Store
from soak.report.fold import Progress
from soak.report.verdict import verdict
from soak.supervisor.interpreter import Interpreter, InterpreterError, find_interpreter
from soak.supervisor.lock import LockHeldError, RunLock
from soak.supervisor.plan import Plan, Standing
from soak.supervisor.run import Ending, Run, View
from soak.supervisor.stream import StreamError, read_events


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to."""

    verdict: Verdict
    progress: Progress
    folder: Path
    ending: Ending
    problem: str
    signal: int


def say(text: str) -> None:
    """Words for people go to stderr, as long as somebody reads it."""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def answer(text: str) -> None:
    """Results go to stdout. Whoever read them may be gone (`soak list | head`): that changes no exit code."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer must not fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def locked(out: Path, wait: float) -> Iterator[None]:
    """The output folder, made and locked; what killed runs left is completed.

    Raises:
        MachineProblem: it cannot be made or written.
        Problem: another run holds it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".writable-{os.getpid()}"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
        lock = RunLock(out)
        lock.acquire(wait=wait, waiting=lambda who: say(f"soak: {out} is locked by {who}; waiting"))
    except LockHeldError as held:
        raise Problem(
            f"{out} is locked by {held}; wait for it (--wait S), or name another folder with --out",
            Exit.LOCKED,
        ) from held
    except OSError as error:
        raise MachineProblem(
            f"{out}: expected a folder that can be written, got: {error.strerror}; name another with --out"
        ) from error
    try:
        mend_all(out, lambda text: say(f"soak: {text}"))
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def locked_if_free(out: Path) -> Iterator[bool]:
    """The lock of ``out``, if nobody has it and the folder can be written; tells whether.

    Who has it has first completed what killed runs left.
    """
    lock = RunLock(out)
    try:
        if not (out / "runs").is_dir():
            raise FileNotFoundError(out / "runs")
        lock.acquire(wait=0.0, waiting=lambda _who: None)
    except (LockHeldError, OSError):
        yield False
        return
    try:
        mend_all(out, lambda text: say(f"soak: {text}"))
        yield True
    finally:
        lock.release()


def complete(out: Path) -> None:
    """Complete what killed runs left in ``out``, unless a run works there or it cannot be written."""
    with locked_if_free(out):
        pass


def interpreter_of(python: str, out: Path) -> Interpreter:
    """The workers' interpreter.

    Raises:
        UsageProblem: there is none at that path.
    """
    try:
        return find_interpreter(python, out / "import")
    except InterpreterError as error:
        raise UsageProblem(str(error)) from error


def fresh_seed() -> int:
    """A seed nobody chose, short enough to be typed."""
    return random.SystemRandom().randrange(1, 2**31)


def default_jobs(scenarios: int) -> int:
    """One for each processor: a scenario's threads share a GIL, and a busy machine makes other schedules."""
    return max(1, min(scenarios, len(os.sched_getaffinity(0))))


def execute(
    plan: Plan,
    interpreter: Interpreter,
    *,
    argv: Sequence[str],
    environment: Mapping[str, str],
    skipped: Sequence[Skipped] = (),
    views: Callable[[Progress], Sequence[View]] = lambda _progress: (),
    enough: Callable[[], bool] = lambda: False,
    resume: Path | None = None,
) -> Outcome:
    """Run ``plan`` in a new folder below its ``out``, which the caller has locked; or resume a run's folder.

    It ends when its budget is spent, or when ``enough()``.

    Raises:
        MachineProblem: the folder cannot be written.
    """
    progress = Progress()
    try:
        folder = resume.resolve() if resume else new_run_folder(plan.out.resolve())
        standing = stand(folder, progress) if resume else None
        plan.save(folder)
        store = Store(plan.out, say=lambda text: say(f"soak: {text}"))
        run = Run(
            plan,
            interpreter,
            folder,
            keeper=StoreKeeper(store, plan, folder, environment),
            views=[progress, *views(progress)],
            judge=lambda: verdict(progress),
            enough=enough,
            standing=standing,
        )
        told = [
            ScenarioSkipped(t=time.time(), scenario=skip.name, reason=skip.reason, remedy=skip.remedy)
            for skip in skipped
        ]
        closing = run.execute(argv, environment, told)
    except (OSError, StreamError) as error:
        raise MachineProblem(
            f"{plan.out}: {error}; free some space or name another folder with --out"
        ) from error
    return Outcome(
        verdict=closing,
        progress=progress,
        folder=folder,
        ending=run.ending or Ending.BUDGET,
        problem=run.problem,
        signal=run.signal,
    )


def stand(folder: Path, progress: Progress) -> Standing:
    """How far the run in ``folder`` had come; ``progress`` is fed what it did.

    Raises:
        OSError: its stream cannot be read.
    """
    workers = sightings = 0
    for event in read_events(folder / "events.jsonl"):
        if event is None:
            progress.broken_lines += 1
            continue
        progress.see(event)
        match event:
            case WorkerStarted():
                workers = max(workers, event.worker)
            case Sighted():
                sightings = max(sightings, event.sighting)
            case _:
                pass
    tries = {row.name: row.tries for row in progress.scenarios.values()}
    return Standing(seconds=progress.elapsed, workers=workers, sightings=sightings, tries=tries)


def new_run_folder(out: Path) -> Path:
    """A folder below ``out`` for a run that begins now."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1000):
        folder = out / "runs" / (f"{stamp}-{number}" if number else stamp)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable: a thousand runs began in one second")
