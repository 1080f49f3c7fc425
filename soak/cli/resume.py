"""Which run ``soak run --resume`` carries on, and what it was told."""

from __future__ import annotations

from pathlib import Path

from soak import catalogue
from soak.cli.exits import UsageProblem
from soak.events import RunEnded, RunStarted, Verdict
from soak.supervisor.plan import Entry, Plan
from soak.supervisor.stream import read_events

#: How a run ends that was not done: by a signal, or because the disk was full.
_UNDONE = (Verdict.INTERRUPTED, Verdict.CANNOT_RUN)


def find_interrupted(out: Path, name: str) -> tuple[Path, Plan]:
    """The folder and the plan of the run whose name begins with ``name``; of the newest that was not done.

    Raises:
        UsageProblem: there is none, several have that name, or it was done.
    """
    folders = sorted(path.parent for path in (out / "runs").glob("*/events.jsonl"))
    if not name:
        for folder in reversed(folders):
            plan = Plan.of(folder)
            if plan is not None and _was_not_done(folder):
                return folder, plan
        raise UsageProblem(f"{out} holds no run that was interrupted or killed; begin one without --resume")
    matching = [folder for folder in folders if folder.name.startswith(name)]
    exact = [folder for folder in matching if folder.name == name] or matching
    if len(exact) != 1:
        known = ", ".join(folder.name for folder in (matching or folders)[-5:]) or "none"
        raise UsageProblem(f"{name!r} names {len(matching)} runs in {out}; expected one of {known}")
    plan = Plan.of(exact[0])
    if plan is None:
        raise UsageProblem(f"{exact[0]} has no plan.json that this version of soak reads; begin a new run")
    if not _was_not_done(exact[0]):
        raise UsageProblem(f"run {exact[0].name} was done, or is no `soak run`; begin a new one")
    return exact[0], plan


def scenario_word(entry: Entry) -> str:
    """The word that selects a run's scenario: its file, or its name where another checkout recorded it.

    Raises:
        UsageProblem: it is gone.
    """
    if entry.file.is_file():
        return f"{entry.file}::{entry.name}"
    if entry.name in catalogue.built_in_files():
        return entry.name
    raise UsageProblem(f"expected the scenario {entry.name!r} in {entry.file}, which is gone; bring it back")


def _was_not_done(folder: Path) -> bool:
    command, verdict = "", None
    for event in read_events(folder / "events.jsonl"):
        match event:
            case RunStarted(argv=argv):
                command = argv[0] if argv else ""
            case RunEnded():
                verdict = event.verdict
            case _:
                pass
    return command == "run" and verdict in _UNDONE
