"""What `repro`, `fixed` and `bisect` work on: a finding by its name, and how it is tried here."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soak
from soak import catalogue
from soak.cli.exits import MachineProblem, UsageProblem
from soak.cli.selection import select
from soak.cli.session import interpreter_of, say
from soak.events import Kind, Sighted
from soak.findings.finding import Finding, Reproducer
from soak.findings.recipe import USUAL_PERTURB, exploring, from_as_of, names_in
from soak.findings.signature import former_names, signature
from soak.findings.store import FindingNotFoundError, Store
from soak.report.fold import fold
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.machine_environment import git_commit
from soak.supervisor.plan import HANG_AFTER_S, Entry, base_environment
from soak.triage.drift import drift
from soak.triage.rates import Rate, last_measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says of a reproducer; None where it says nothing."""

    scenario: str = ""
    seed: int | None = None
    iteration: int | None = None
    first_iteration: int | None = None
    target: str | None = None
    perturb: str | None = None
    guard_malloc: bool | None = None
    hang_after: float | None = None
    env: tuple[str, ...] = ()
    as_of: str = ""

    def changes(self) -> tuple[dict[str, Any], str]:
        """What it says, by the reproducer's fields, and what the project's folder was called, if it says so.

        Raises:
            UsageProblem: --env or --as-of are something else.
        """
        names = ("seed", "iteration", "first_iteration", "target", "perturb", "guard_malloc", "hang_after")
        said = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.env:
            said["env"] = dict(_variable(text) for text in self.env)
        try:
            seen, folder = from_as_of(self.as_of) if self.as_of else ({}, "")
            return said | seen, folder
        except ValueError as error:
            raise UsageProblem(f"--as-of: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A finding and what brings it back. ``filed`` is it as the store knows it, if that does;
    ``word`` what the command line calls its scenario, "" for what the reproducer says; ``folder`` what its
    project's folder was called, "" for what it is called here."""

    id: str
    kind: Kind
    known: Reproducer
    filed: Finding | None
    word: str = ""
    folder: str = ""

    def named(self, sighted: Sighted) -> frozenset[str]:
        """What an older soak called a sighting where this finding comes from."""
        return names_in(sighted, self.folder) if self.folder else frozenset()

    def is_seen_in(self, sighted: Sighted) -> bool:
        """Whether a sighting is of this finding, under whatever name."""
        return self.id in {signature(sighted).id, *former_names(sighted), *self.named(sighted)}

    @property
    def title(self) -> str:
        return self.filed.title if self.filed else f"a {self.kind.value} from another checkout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where it is tried: the interpreter, and the scenario as that describes it."""

    interpreter: Interpreter
    entry: Entry
    python: str = field(default="")


def subject(name: str, store: Store, given: Given | None = None) -> Subject:
    """The finding ``name``: as the store knows it, with what is ``given`` instead of what it knows.

    With a scenario given, the command line alone says how it is brought back: it came from a report.

    Raises:
        UsageProblem: no or several findings go by that name, or too little is given.
    """
    given = given or Given()
    changes, folder = given.changes()
    if given.scenario:
        return _from_line(name, store, given, changes, folder)
    try:
        finding = store.find(name)
    except FindingNotFoundError as error:
        raise UsageProblem(
            f"{error}; the line that a report calls `elsewhere` brings one back that another --out has"
        ) from error
    known = dataclasses.replace(finding.reproducer, **changes)
    return Subject(id=finding.id, kind=finding.kind, known=known, filed=finding)


def _from_line(name: str, store: Store, given: Given, changes: dict[str, Any], folder: str) -> Subject:
    missing = [word for word in ("seed", "iteration") if getattr(given, word) is None]
    if missing:
        raise UsageProblem(f"--scenario needs --{' and --'.join(missing)} too, as a report prints them")
    kinds = {kind.value: kind for kind in Kind}
    kind = kinds.get(name.rpartition("-")[0])
    if kind is None:
        raise UsageProblem(f"expected the whole name of a finding, like crash-2973912e, got {name!r}")
    usual: dict[str, Any] = {
        "scenario_file": "",
        "scenario": given.scenario.partition("::")[2],
        "target": "",
        "first_iteration": given.iteration,
        "perturb": USUAL_PERTURB,
        "guard_malloc": False,
        "hang_after": HANG_AFTER_S,
        "python": "",
    }
    filed = next((finding for finding in store.all() if finding.id == name), None)
    return Subject(
        id=name,
        kind=kind,
        known=Reproducer(**(usual | changes)),
        filed=filed,
        word=given.scenario,
        folder=folder,
    )


def stand(
    subject: Subject,
    *,
    python: str,
    out: Path,
    same_code: bool = True,
    quiet: bool = False,
    known: Reproducer | None = None,
) -> Stand:
    """Prepare to try it here; says what differs from when it was seen, the commit only if ``same_code``.

    The environment variables it was seen with are set in this process, where they are not set at all. It is
    tried as its reproducer says, or as the ``known`` one does.

    Raises:
        UsageProblem: its scenario or the interpreter is not there any more, or only a schedule has shown it.
        MachineProblem: it cannot run here.
    """
    if known is None:
        require_soaked(subject)
        known = subject.known
    for name, value in known.env.items():
        os.environ.setdefault(name, value)
    interpreter = interpreter_of(python or known.python, out)
    selection = select([subject.word or _word(subject, interpreter)], interpreter, known.target)
    if not selection.entries:
        skip = selection.skipped[0]
        raise MachineProblem(f"{skip.name} cannot run here: {skip.reason}; {skip.remedy}")
    if len(selection.entries) > 1:
        names = ", ".join(entry.name for entry in selection.entries)
        raise UsageProblem(f"--scenario {subject.word} names several: {names}; say which, as FILE::NAME")
    entry = selection.entries[0]
    if not quiet:
        commit = git_commit(Path.cwd()) if same_code else ""
        for text in drift(known, entry, soak=soak.__version__, commit=commit, environ=os.environ):
            say(f"soak: {text}; trying all the same")
    return Stand(interpreter=interpreter, entry=entry, python=python or known.python)


def require_soaked(subject: Subject) -> None:
    """What measures soaks needs a problem that some soak has shown.

    Raises:
        UsageProblem: only a schedule has.
    """
    if subject.known.token:
        raise UsageProblem(
            f"{subject.id} was seen in a schedule that soak explore found, and in no soak yet; bring it back "
            f"with soak repro {subject.id}, or look for it anew: {exploring(subject.known, Path.cwd())}"
        )


def last_rate(subject: Subject, out: Path) -> Rate | None:
    """How often it came: as its reproducer measured, else per iteration of the last run that saw it."""
    if subject.filed is None:
        return None
    return last_measured(subject.filed) or _rate_of_runs(subject.filed, out)


def _rate_of_runs(finding: Finding, out: Path) -> Rate | None:
    for run in reversed(finding.runs):
        try:
            progress = fold(out / "runs" / run / "events.jsonl")
        except OSError:
            continue
        row = progress.findings.get(finding.id)
        was_run = progress.started is not None and progress.started.argv[:1] == ("run",)
        if row is not None and was_run and row.say_rate(tries := progress.tries_of(row)):
            return Rate(hits=min(row.hits, tries), tries=tries, source=f"per iteration of run {run}")
    return None


def _word(subject: Subject, interpreter: Interpreter) -> str:
    """Where its scenario lies now: in its file, or under its name if another checkout recorded it."""
    known = subject.known
    if Path(known.scenario_file).is_file():
        return f"{known.scenario_file}::{known.scenario}"
    if known.scenario in catalogue.built_in_files():
        return known.scenario
    if known.scenario in interpreter.installed_scenarios(base_environment(interpreter.python_path)):
        return known.scenario
    raise UsageProblem(
        f"{subject.id}: expected its scenario {known.scenario!r} in {known.scenario_file}, which is gone; "
        "bring the file back"
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageProblem(f"--env: expected NAME=VALUE, got {text!r}")
    return name, value
