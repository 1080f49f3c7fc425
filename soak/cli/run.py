"""``soak run``: the main job."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak.cli.exits import Exit, MachineProblem, UsageProblem, exit_code
from soak.cli.nights import accepted_before, morning_after
from soak.cli.prune import keep_within, retain_of
from soak.cli.recall import check, remember
from soak.cli.resume import find_interrupted, scenario_word
from soak.cli.selection import Selection, select
from soak.cli.session import Outcome, answer, default_jobs, execute, fresh_seed, interpreter_of, locked, say
from soak.events import Isolation, Verdict
from soak.findings.morning import Morning
from soak.findings.retention import Retain
from soak.report.fold import Progress
from soak.report.machine import document
from soak.report.morning import FailOn, silent
from soak.report.verdict import closing_text, verdict
from soak.report.views import views_for
from soak.supervisor.machine import environment
from soak.supervisor.plan import HANG_AFTER_S, Plan
from soak.supervisor.run import Ending, View

_DEFAULT_MINUTES = 1.0
#: Why findings do not fail a run, by what it was told to fail on.
_SILENT = {
    FailOn.NEW: "nothing is new (--fail-on new)",
    FailOn.WORSE: "nothing is new or worse (--fail-on worse)",
    FailOn.ANY: "all of it was accepted",
}
#: What decides a run: one that is resumed has its own.
_OF_THE_RUN = (
    "minutes",
    "count",
    "until_fail",
    "seed",
    "target",
    "python",
    "hang_after",
    "perturb",
    "isolation",
    "guard_malloc",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The command line of ``soak run``."""

    scenarios: tuple[str, ...] = ()
    minutes: float | None = None
    count: int | None = None
    until_fail: bool = False
    jobs: int | None = None
    seed: int | None = None
    target: str = ""
    python: str = ""
    out: Path = Path(".soak")
    hang_after: float | None = None
    perturb: str = "light"
    isolation: Isolation = Isolation.RUN
    guard_malloc: bool = False
    wait: float = 0.0
    fail_on: str = "any"
    db: str = ""
    retain: tuple[str, ...] = ()
    as_json: bool = False
    quiet: bool = False
    resume: bool = False


_DEFAULTS = {field.name: field.default for field in dataclasses.fields(RunOptions)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """A run that is over, with the options that it had. ``remembered`` tells of a memory's failure."""

    outcome: Outcome
    options: RunOptions
    morning: Morning | None
    remembered: Exit


def run(options: RunOptions) -> int:
    """Run, report, and return the exit code."""
    return report(soaked(options))


def soaked(options: RunOptions) -> Soaked:
    """Run, and remember what came of it."""
    retain = retain_of(options.retain)
    with locked(options.out, options.wait):
        check(options.out, options.db)
        folder = None
        if options.resume:
            folder, options = interrupted(options)
        interpreter = interpreter_of(options.python, options.out)
        selection = select(options.scenarios, interpreter, options.target)
        if not selection.entries:
            if options.target:
                raise UsageProblem(f"--target {options.target}: {_all_skipped(selection)}")
            raise MachineProblem(_all_skipped(selection))
        plan = plan_of(
            options, selection, accepted_before(options.out, options.db) if options.until_fail else ()
        )

        def views(progress: Progress) -> Sequence[View]:
            return views_for(progress, quiet=options.quiet, terminal=sys.stderr.isatty())

        outcome = execute(
            plan,
            interpreter,
            argv=sys.argv[1:],
            environment=environment(interpreter.executable),
            skipped=selection.skipped,
            views=views,
            resume=folder,
        )
        remembered = remember(options.out, options.db)
        name = outcome.folder.name
        morning = None if remembered else morning_after(name, options.out, options.db)
        if remembered is Exit.CLEAN and retain != Retain():
            remembered = keep_within(options.out, options.db, retain)
    return Soaked(outcome=outcome, options=options, morning=morning, remembered=remembered)


def interrupted(options: RunOptions) -> tuple[Path, RunOptions]:
    """The folder of the run that `--resume` means, and the options that carry it on as it was begun.

    Raises:
        UsageProblem: no run can be resumed, it is not said which, or an option asks for another run.
    """
    changed = [
        f"--{name.replace('_', '-')}" for name in _OF_THE_RUN if getattr(options, name) != _DEFAULTS[name]
    ]
    if changed or len(options.scenarios) > 1:
        what = ", ".join(changed) or "several names"
        raise UsageProblem(
            f"--resume takes one run at most and carries on its own budget, seed and settings, got {what}"
        )
    folder, plan = find_interrupted(options.out, "".join(options.scenarios))
    return folder, dataclasses.replace(
        options,
        scenarios=tuple(scenario_word(entry) for entry in plan.entries),
        minutes=plan.minutes,
        count=plan.count,
        until_fail=plan.until_fail,
        jobs=options.jobs or plan.jobs,
        seed=plan.seed,
        target=plan.target,
        python=plan.python,
        hang_after=plan.hang_after if plan.hang_after_given else None,
        perturb=plan.perturb,
        isolation=plan.isolation,
        guard_malloc=plan.guard_malloc,
    )


def plan_of(options: RunOptions, selection: Selection, accepted: Collection[str] = ()) -> Plan:
    """The plan that the options ask for; without a budget, one minute. What was ``accepted`` ends no run."""
    unbounded = options.minutes is None and options.count is None and not options.until_fail
    return Plan(
        entries=selection.entries,
        seed=fresh_seed() if options.seed is None else options.seed,
        jobs=options.jobs or default_jobs(len(selection.entries)),
        out=options.out,
        minutes=_DEFAULT_MINUTES if unbounded else options.minutes,
        count=options.count,
        until_fail=options.until_fail,
        accepted=tuple(sorted(accepted)),
        target=options.target,
        python=options.python,
        hang_after=options.hang_after or HANG_AFTER_S,
        hang_after_given=options.hang_after is not None,
        perturb=options.perturb,
        isolation=options.isolation,
        guard_malloc=options.guard_malloc,
    )


def report(done: Soaked) -> int:
    """The last words: the report on stdout, or with ``--json`` the document there and the words on stderr."""
    if done.options.as_json:
        answer(json.dumps(document_of(done), indent=2))
        say(words_of(done))
    else:
        answer(words_of(done))
    return code_of(done)


def document_of(done: Soaked) -> dict[str, Any]:
    """What ``--json`` prints."""
    return document(done.outcome.progress, done.outcome.verdict, done.morning)


def words_of(done: Soaked) -> str:
    """The closing report."""
    outcome, options = done.outcome, done.options
    said = judged(outcome, options, done.morning)
    why = f"{_SILENT[FailOn(options.fail_on)]}: the exit code is {exit_code(said)}"
    exits = why if said is not outcome.verdict else ""
    return closing_text(outcome.progress, outcome.verdict, out=options.out, morning=done.morning, exits=exits)


def code_of(done: Soaked) -> int:
    """The exit code.

    Raises:
        MachineProblem: the first worker could not start, and it is not the named target's fault.
        UsageProblem: it could not, and it is.
    """
    outcome, options = done.outcome, done.options
    if outcome.ending is Ending.CANNOT_START:
        if outcome.verdict is Verdict.CANNOT_RUN and not options.target:
            raise MachineProblem(outcome.problem)
        raise UsageProblem(outcome.problem)
    if outcome.ending is Ending.DISK:
        say(f"soak: {outcome.problem}")
        return Exit.CANNOT_RUN
    return exit_code(judged(outcome, options, done.morning), outcome.signal) or done.remembered


def judged(outcome: Outcome, options: RunOptions, morning: Morning | None) -> Verdict:
    """The verdict that the exit code tells: without what was accepted, and what ``--fail-on`` leaves out."""
    if outcome.verdict not in (Verdict.FINDINGS, Verdict.HARNESS_FAULT):
        return outcome.verdict
    return verdict(outcome.progress, silent=silent(morning, FailOn(options.fail_on)))


def _all_skipped(selection: Selection) -> str:
    reasons = "; ".join(f"{skip.name}: {skip.reason}; {skip.remedy}" for skip in selection.skipped)
    return f"none of the scenarios can be run: {reasons}"
