"""What `shrink` and `triage` begin with: a finding, and its scenario as it can be run here and now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from soak import catalogue
from soak.cli.exits import MachineProblem, UsageProblem
from soak.cli.selection import select
from soak.findings import occurrence
from soak.findings.finding import Finding
from soak.findings.occurrence import Occurrence
from soak.findings.store import FindingNotFoundError, Store
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.plan import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding with its occurrences that are kept, oldest first."""

    finding: Finding
    occurrences: tuple[Occurrence, ...]


def find(store: Store, name: str) -> Found:
    """The finding that goes by ``name``.

    Raises:
        UsageProblem: none or several do.
    """
    try:
        finding = store.find(name)
    except FindingNotFoundError as error:
        raise UsageProblem(str(error)) from error
    kept = []
    for folder in store.occurrences(finding.id):
        try:
            kept.append(occurrence.read(folder))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # a damaged one tells nothing; `soak show` names it
    return Found(finding=finding, occurrences=tuple(kept))


def entry_of(finding: Finding, interpreter: Interpreter) -> Entry:
    """The finding's scenario, with its target.

    Raises:
        UsageProblem: its file is gone.
        MachineProblem: this machine cannot run it.
    """
    return entry_at(scenario_word(finding), interpreter, finding.reproducer.target)


def entry_at(word: str, interpreter: Interpreter, target: str) -> Entry:
    """The scenario that ``word`` names.

    Raises:
        UsageProblem: there is none, or several.
        MachineProblem: this machine cannot run it.
    """
    selection = select([word], interpreter, target)
    if not selection.entries:
        skip = selection.skipped[0]
        raise MachineProblem(f"{skip.name} cannot run here: {skip.reason}; {skip.remedy}")
    if len(selection.entries) > 1:
        names = ", ".join(entry.name for entry in selection.entries)
        raise UsageProblem(f"expected one scenario, {word} has {names}; name one as {word}::NAME")
    return selection.entries[0]


def scenario_word(finding: Finding) -> str:
    """Where its scenario lies now: in its file, or under its name if another checkout recorded it.

    Raises:
        UsageProblem: nowhere.
    """
    known = finding.reproducer
    if Path(known.scenario_file).is_file():
        return f"{known.scenario_file}::{known.scenario}"
    if known.scenario in catalogue.built_in_files():
        return known.scenario
    raise UsageProblem(
        f"{finding.id}: expected its scenario {known.scenario!r} in {known.scenario_file}, which is gone; "
        "bring the file back"
    )
