"""``soak repro``: bring a finding back, and say how often it came."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from soak.cli.attempt import Attempt, attempt
from soak.cli.exits import UsageProblem, exit_code
from soak.cli.recall import check, remember
from soak.cli.replay import ReplayOptions, measured, replay, schedule_of
from soak.cli.repro_gdb import repro_gdb, the_gdb
from soak.cli.session import answer, locked, say
from soak.cli.subject import Given, Subject, last_rate, stand, subject
from soak.events import Verdict, to_plain
from soak.findings.finding import Reproducer, Reproduction
from soak.findings.store import Store
from soak.supervisor.plan import Plan
from soak.supervisor.run import Ending
from soak.triage.rates import Rate, say_none
from soak.triage.reproduce import Reproduced, plan_of, say_different

#: How often it is tried where nobody says.
_COUNT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproOptions:
    """The command line of ``soak repro``."""

    finding: str
    count: int | None = None
    until_hit: bool = False
    gdb: bool = False
    python: str = ""
    given: Given = field(default_factory=Given)
    out: Path = Path(".soak")
    wait: float = 0.0
    db: str = ""
    as_json: bool = False
    quiet: bool = False


def repro(options: ReproOptions) -> int:
    """Try it; exit code 1 when the finding came back (or another one did), 0 when none did."""
    store = Store(options.out, say=say)
    wanted = subject(options.finding, store, options.given)
    count = options.count or (None if options.until_hit else _COUNT)
    gdb = the_gdb(wanted, as_json=options.as_json) if options.gdb else ""
    check(options.out, options.db)
    if schedule := schedule_of(wanted, changed=options.given != Given() or options.gdb):
        return _replayed(options, wanted, schedule, store)
    with locked(options.out, options.wait):
        rate = last_rate(wanted, options.out)
        here = stand(wanted, python=options.python, out=options.out)
        plan = plan_of(
            wanted.kind, wanted.known, here.entry, tries=count, out=options.out, python=here.python
        )
        often = "until it comes back" if count is None else f"{count} times"
        say(f"soak: {wanted.id}: {wanted.title}; trying {often}, {_how(plan)}")
        if gdb:
            return repro_gdb(wanted, here, plan, gdb=gdb)
        tried = attempt(
            plan,
            wanted.id,
            here.interpreter,
            quiet=options.quiet,
            enough=lambda so_far: options.until_hit and so_far.hits > 0,
            named=wanted.named,
        )
        if _measures(options, wanted, tried):
            measured = Reproduction(t=time.time(), hits=tried.result.hits, tries=tried.result.tries)
            store.record_reproduction(wanted.id, measured)
        remembered = remember(options.out, options.db)
    _report(tried.result, rate, as_json=options.as_json)
    outcome = tried.outcome
    if outcome.ending is Ending.CANNOT_START:
        raise UsageProblem(outcome.problem)
    if outcome.ending in (Ending.INTERRUPTED, Ending.DISK):
        return exit_code(outcome.verdict, outcome.signal)
    found = tried.result.hits or tried.result.different
    return exit_code(Verdict.FINDINGS if found else Verdict.CLEAN) or remembered


def _replayed(options: ReproOptions, wanted: Subject, schedule: Reproducer, store: Store) -> int:
    """A schedule is known: that is exact, where an iteration of its seed is a chance."""
    how = ReplayOptions(
        count=options.count,
        until_hit=options.until_hit,
        python=options.python,
        out=options.out,
        db=options.db,
    )
    with locked(options.out, options.wait):
        result = replay(wanted, schedule, how)
        measured(result, wanted, store)
    _report(result, None, as_json=options.as_json)
    found = result.hits or result.different
    return exit_code(Verdict.FINDINGS if found else Verdict.CLEAN)


def in_words(result: Reproduced, rate: Rate | None) -> str:
    """What the tries brought; with none, how much of a surprise that is."""
    tries = result.tries - result.cut
    if result.hits or rate is None or not tries:
        return result.in_words()
    return "\n".join([f"brought back {say_none(tries, rate)}", *say_different(result.different)])


def _measures(options: ReproOptions, wanted: Subject, tried: Attempt) -> bool:
    """Whether the count is a rate of the reproducer that the store knows: a hunt that ends at the first hit
    and tries of something else are none."""
    own = wanted.filed is not None and wanted.known == wanted.filed.reproducer
    return own and tried.result.tries > 0 and not options.until_hit


def _how(plan: Plan) -> str:
    if plan.span == 1:
        return f"iteration {plan.first_iteration} of seed {plan.seed} in fresh workers"
    last = plan.first_iteration + plan.span - 1
    return f"iterations {plan.first_iteration} to {last} of seed {plan.seed} in fresh workers"


def _report(result: Reproduced, rate: Rate | None, *, as_json: bool) -> None:
    words = in_words(result, rate)
    if as_json:
        before = to_plain(rate) if rate else None
        answer(json.dumps(to_plain(result) | {"before": before}, indent=2))
        say(words)
    else:
        answer(words)
