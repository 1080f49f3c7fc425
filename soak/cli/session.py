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
from soak.events import ScenarioSkipped, Verdict
from soak.findings.keeper import StoreKeeper
from soak.findings.store import Store
from soak.report.fold import Progress
from soak.report.verdict import verdict
from soak.supervisor.interpreter import Interpreter, InterpreterError, find_interpreter
from soak.supervisor.lock import LockHeldError, RunLock
from soak.supervisor.plan import Plan
from soak.supervisor.run import Ending, Run, View
from soak.supervisor.stream import StreamError


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
    """The output folder, made and locked.

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
        yield
    finally:
        lock.release()


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
) -> Outcome:
    """Run ``plan`` in a new folder below its ``out``, which the caller has locked, until ``enough()`` if not
    to the end.

    Raises:
        MachineProblem: the folder cannot be written.
    """
    progress = Progress()
    try:
        folder = _new_run_folder(plan.out.resolve())
        store = Store(plan.out, say=lambda text: say(f"soak: {text}"))
        run = Run(
            plan,
            interpreter,
            folder,
            keeper=StoreKeeper(store, plan, folder, environment),
            views=[progress, *views(progress)],
            judge=lambda: verdict(progress),
            enough=enough,
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


def _new_run_folder(out: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1000):
        folder = out / "runs" / (f"{stamp}-{number}" if number else stamp)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable: a thousand runs began in one second")
