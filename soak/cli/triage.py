"""``soak triage``: does a finding need what was run before it?"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from soak import catalogue
from soak.cli.exits import SIGNAL_BASE, Exit, UsageProblem
from soak.cli.found import Found, entry_at, find, tell_different
from soak.cli.selection import select
from soak.cli.session import answer, locked, say
from soak.cli.subject import stand
from soak.events import Kind
from soak.findings.occurrence import Occurrence
from soak.findings.store import Store
from soak.report.fold import read_events
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.plan import Entry
from soak.triage.bench import Bench, BenchError, Interrupted
from soak.triage.budget import Budget
from soak.triage.chain import Chains, Link
from soak.triage.examination import Examination
from soak.triage.reproduce import plan_for
from soak.triage.suite import Suite, suite_of
from soak.triage.transfer import Transfer

#: Of every other scenario, so many iterations are run before.
OF_EACH = 3


def triage(
    name: str, *, after: Sequence[str], count: int, minutes: float, out: Path, wait: float, as_json: bool
) -> int:
    """Exit code 1 when the finding came in any of the tries, 0 when it did not."""
    store = Store(out, say=say)
    found = find(store, name)
    _refuse_leak(found)
    with locked(out, wait):
        folder = (out / "triage" / f"triage-{os.getpid()}").resolve()
        try:
            transfer = _examine(found, store, after, count, Budget(60 * minutes), out, folder)
        except BenchError as error:
            raise UsageProblem(str(error)) from error
        except Interrupted as interrupted:
            return SIGNAL_BASE + interrupted.number
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        answer(json.dumps(transfer.document(), indent=2))
        say(transfer.in_words())
    else:
        answer(transfer.in_words())
    return Exit.FINDINGS if transfer.came else Exit.CLEAN


def _examine(
    found: Found, store: Store, after: Sequence[str], count: int, budget: Budget, out: Path, folder: Path
) -> Transfer:
    finding, known = found.finding, found.finding.reproducer
    here = stand(found.subject, python="", out=out)
    entry, interpreter = here.entry, here.interpreter
    seen = _telling(found)
    if after:
        others = _entries_asked(after, interpreter, known.target, entry.name)
    else:
        others = _entries_before(_suite(seen, out), entry, interpreter, known.target)
    plan = plan_for(finding, entry, tries=count, out=folder, python="")
    plan = dataclasses.replace(plan, seed=seen.context.seed)
    bench = Bench(finding.id, interpreter, folder, store=store, entry=entry, target=known.target)
    chains = Chains(bench, entry, plan, others, known.target)
    first, iteration = seen.sighted.first_iteration, seen.sighted.iteration
    say(f"soak: {finding.id}: {finding.title}; iteration {iteration} of seed {plan.seed}, {count} tries each")
    examination = Examination(
        entry.name, chains, tries=count, left=budget.left, tell=lambda text: say(f"soak: {text}")
    )
    try:
        return examination.examine(
            iteration,
            [Link(entry.name, number) for number in range(first, iteration)],
            [Link(other, number) for other in others for number in range(OF_EACH)],
        )
    finally:
        tell_different(bench)


def _telling(found: Found) -> Occurrence:
    """The latest occurrence that had iterations before it in its worker; the latest, where none had."""
    known = found.finding.reproducer
    same = [
        each
        for each in found.occurrences
        if (each.context.scenario_file, each.context.target) == (known.scenario_file, known.target)
    ]
    if not same:
        raise UsageProblem(
            f"{found.finding.id}: expected an occurrence in its folder that says where it came; there is none"
        )
    return next(
        (each for each in reversed(same) if each.sighted.iteration > each.sighted.first_iteration), same[-1]
    )


def _suite(seen: Occurrence, out: Path) -> Suite:
    stream = out / "runs" / seen.context.run / "events.jsonl"
    try:
        return suite_of(read_events(stream), seen.context.scenario, seen.sighted.t)
    except OSError:
        say(f"soak: {stream} is gone, and with it which scenarios ran before; name them with --after")
        return Suite(before=(), words=())


def _entries_before(suite: Suite, entry: Entry, interpreter: Interpreter, target: str) -> dict[str, Entry]:
    """The scenarios of the suite, by name. Nobody says where their files were: they are sought among the
    built-in ones, in the finding's own file and in those that the run was given."""
    if not suite.before:
        return {}
    files = [entry.file, *(Path(word.partition("::")[0]) for word in suite.words)]
    known: dict[str, Entry] = {}
    for file in dict.fromkeys(file.resolve() for file in files if file.suffix == ".py" and file.is_file()):
        known |= {each.name: each for each in select([str(file)], interpreter, target).entries}
    entries: dict[str, Entry] = {}
    for name in suite.before:
        if name in known:
            entries[name] = known[name]
        elif name in catalogue.built_in_files():
            entries[name] = entry_at(name, interpreter, target)
        else:
            say(f"soak: {name} ran before, but where its file is nobody knows: name it with --after")
    return entries


def _entries_asked(words: Sequence[str], interpreter: Interpreter, target: str, own: str) -> dict[str, Entry]:
    """The scenarios that --after names, by name, in this order."""
    entries = {}
    for word in words:
        entry = entry_at(word, interpreter, target)
        if entry.name == own:
            raise UsageProblem(f"--after {word}: that is the finding's own scenario, which is tried anyway")
        entries[entry.name] = entry
    return entries


def _refuse_leak(found: Found) -> None:
    if found.finding.kind is Kind.LEAK:
        raise UsageProblem(
            f"{found.finding.id} is a leak: it is told by comparing iterations, so it needs those before it; "
            "`soak shrink` makes its scenario smaller"
        )
