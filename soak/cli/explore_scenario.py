"""``soak explore SCENARIO``, and the replays of what it found: children in a run of their own, filed and
remembered like a soak."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak.cli.exits import MachineProblem, UsageProblem
from soak.cli.recall import remember
from soak.cli.selection import Skipped
from soak.cli.session import new_run_folder, say
from soak.events import ScenarioSkipped, Sighted, Verdict
from soak.findings.keeper import StoreKeeper
from soak.findings.store import Store
from soak.report.fold import Progress
from soak.supervisor.confirmation import Confirmation
from soak.supervisor.exploration import Explored
from soak.supervisor.explored import ExploredRun
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.machine import environment
from soak.supervisor.plan import Entry, Plan
from soak.supervisor.run import View
from soak.supervisor.stream import StreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is explored: a scenario with a target, by an interpreter, into a folder that is locked."""

    entry: Entry
    interpreter: Interpreter
    out: Path
    target: str
    python: str
    seed: int
    hang_after: float
    db: str = ""

    def plan(self, count: int) -> Plan:
        """The run's settings, for whoever completes or reads it."""
        return Plan(
            entries=(self.entry,),
            seed=self.seed,
            jobs=1,
            out=self.out,
            count=count,
            target=self.target,
            python=self.python,
            hang_after=self.hang_after,
            hang_after_given=True,
            perturb="none",
        )


class Exploring:
    """One run of children. ``progress`` is the fold over what they showed."""

    def __init__(self, run: ExploredRun, progress: Progress) -> None:
        self._run = run
        self.progress = progress
        self.verdict = Verdict.INTERRUPTED
        self.reason = "interrupted"

    def child(self, spec: Mapping[str, Any]) -> tuple[Explored, list[Sighted]]:
        """One child to its end. Raises UsageProblem where it could not begin."""
        explored, found = self._run.child(spec)
        if explored.record is not None and "failed" in explored.record:
            self.verdict, self.reason = Verdict.CANNOT_RUN, explored.record["failed"]
            raise UsageProblem(explored.record["failed"])
        return explored, found

    def confirm(self, sighted: Sighted, spec: Mapping[str, Any], token: str, tries: int) -> Confirmation:
        """Whether a process dies of the native calls that overlap in ``sighted``, once they do meet."""
        return self._run.confirm(sighted, spec, token, tries)

    def settle(self, verdict: Verdict, reason: str) -> None:
        """How the run ends, if nothing else ends it."""
        self.verdict, self.reason = verdict, reason


@contextlib.contextmanager
def exploring(
    subject: Subject, *, count: int, skipped: Sequence[Skipped] = (), views: Sequence[View] = ()
) -> Iterator[Exploring]:
    """A run that is begun, and ended and remembered whatever happens. The caller holds the lock of ``out``.

    Raises:
        MachineProblem: the folder cannot be written.
    """
    progress = Progress()
    try:
        folder = new_run_folder(subject.out.resolve())
        plan = subject.plan(count)
        plan.save(folder)
        facts = environment(subject.interpreter.executable)
        keeper = StoreKeeper(Store(subject.out, say=lambda text: say(f"soak: {text}")), plan, folder, facts)

        def tell_token(token: str) -> None:
            keeper.token = token

        run = ExploredRun(
            plan,
            subject.interpreter,
            folder,
            keeper=keeper,
            views=[progress, *views],
            tell_token=tell_token,
        )
        told = [
            ScenarioSkipped(t=time.time(), scenario=skip.name, reason=skip.reason, remedy=skip.remedy)
            for skip in skipped
        ]
        run.begin(sys.argv[1:], facts, told)
        course = Exploring(run, progress)
        try:
            yield course
        finally:
            run.end(course.verdict, course.reason)
            remember(subject.out, subject.db)
    except (OSError, StreamError) as error:
        raise MachineProblem(
            f"{subject.out}: {error}; free some space or name another folder with --out"
        ) from error
