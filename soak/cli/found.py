"""What `shrink` and `triage` begin with: a finding as it is filed, and its occurrences."""

from __future__ import annotations

from dataclasses import dataclass

from soak.cli.exits import MachineProblem, UsageProblem
from soak.cli.selection import select
from soak.cli.session import say
from soak.cli.subject import Subject, subject
from soak.findings import occurrence
from soak.findings.finding import Finding
from soak.findings.occurrence import Occurrence
from soak.findings.store import Store
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.plan import Entry
from soak.triage.bench import Bench
from soak.triage.reproduce import say_different


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding with its occurrences that are kept, oldest first."""

    subject: Subject
    finding: Finding
    occurrences: tuple[Occurrence, ...]


def find(store: Store, name: str) -> Found:
    """The finding that goes by ``name``.

    Raises:
        UsageProblem: none or several do.
    """
    wanted = subject(name, store)
    assert wanted.filed is not None
    kept = []
    for folder in store.occurrences(wanted.id):
        try:
            kept.append(occurrence.read(folder))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # a damaged one tells nothing; `soak show` names it
    return Found(subject=wanted, finding=wanted.filed, occurrences=tuple(kept))


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


def tell_different(bench: Bench) -> None:
    """What else came while a finding was tried."""
    for line in say_different(bench.different):
        say(f"soak: {line}")
