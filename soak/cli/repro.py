"""``soak repro``: bring a finding back, and say how often it came."""

from __future__ import annotations

import json
import time
from pathlib import Path

from soak import catalogue
from soak.cli.attempt import attempt
from soak.cli.exits import MachineProblem, UsageProblem, exit_code
from soak.cli.selection import select
from soak.cli.session import answer, interpreter_of, locked, say
from soak.events import Verdict, to_plain
from soak.findings.finding import Finding, Reproduction
from soak.findings.store import FindingNotFoundError, Store
from soak.supervisor.plan import Plan
from soak.supervisor.run import Ending
from soak.triage.reproduce import Reproduced, plan_for


def repro(name: str, *, count: int, python: str, out: Path, wait: float, as_json: bool, quiet: bool) -> int:
    """Try ``count`` times; exit code 1 when the finding came back (or another one did), 0 when none did."""
    store = Store(out, say=say)
    try:
        finding = store.find(name)
    except FindingNotFoundError as error:
        raise UsageProblem(str(error)) from error
    with locked(out, wait):
        interpreter = interpreter_of(python or finding.reproducer.python, out)
        selection = select([_scenario_word(finding)], interpreter, finding.reproducer.target)
        if not selection.entries:
            skip = selection.skipped[0]
            raise MachineProblem(f"{skip.name} cannot run here: {skip.reason}; {skip.remedy}")
        plan = plan_for(finding, selection.entries[0], tries=count, out=out, python=python)
        say(f"soak: {finding.id}: {finding.title}; trying {count} times, {_how(plan)}")
        tried = attempt(plan, finding.id, interpreter, quiet=quiet)
        result, outcome = tried.result, tried.outcome
        if result.tries:
            measured = Reproduction(t=time.time(), hits=result.hits, tries=result.tries)
            store.record_reproduction(finding.id, measured)
    _report(result, as_json=as_json)
    if outcome.ending is Ending.CANNOT_START:
        raise UsageProblem(outcome.problem)
    if outcome.ending in (Ending.INTERRUPTED, Ending.DISK):
        return exit_code(outcome.verdict, outcome.signal)
    return exit_code(Verdict.FINDINGS if result.hits or result.different else Verdict.CLEAN)


def _scenario_word(finding: Finding) -> str:
    """Where its scenario lies now: in its file, or under its name if another checkout recorded it."""
    known = finding.reproducer
    if Path(known.scenario_file).is_file():
        return f"{known.scenario_file}::{known.scenario}"
    if known.scenario in catalogue.built_in_files():
        return known.scenario
    raise UsageProblem(
        f"{finding.id}: expected its scenario {known.scenario!r} in {known.scenario_file}, which is gone; "
        "bring the file back"
    )


def _how(plan: Plan) -> str:
    if plan.span == 1:
        return f"iteration {plan.first_iteration} of seed {plan.seed} in fresh workers"
    last = plan.first_iteration + plan.span - 1
    return f"iterations {plan.first_iteration} to {last} of seed {plan.seed} in fresh workers"


def _report(result: Reproduced, *, as_json: bool) -> None:
    if as_json:
        answer(json.dumps(to_plain(result), indent=2))
        say(result.in_words())
    else:
        answer(result.in_words())
