"""The nights for commands: remembered, judged, oldest first."""

from __future__ import annotations

from pathlib import Path

from soak.cli.exits import Problem, UsageProblem
from soak.cli.recall import recalled, told_as_problem
from soak.cli.session import say
from soak.findings.memory import open_memory
from soak.findings.morning import Morning
from soak.findings.nights import Latest, Told, latest, told


def nights(out: Path, db: str) -> list[Told]:
    """All nights, those included that the memory has not taken in yet.

    Raises:
        UsageProblem: there is no night to tell of.
        Problem: the memory cannot be used.
    """
    expect_memory(out, db)
    with recalled(out, db) as memory:
        judged = told(memory)
    if not judged:
        raise UsageProblem(f"{out} remembers no night yet; a night is a `soak run`")
    return judged


def latest_words(out: Path, db: str) -> dict[str, Latest]:
    """What the last night that spoke of each finding said; empty where nothing is remembered.

    What fails is told: a finding is shown without it.
    """
    if not (db or (out / "soak.db").exists() or (out / "runs").is_dir()):
        return {}
    try:
        with recalled(out, db) as memory:
            return latest(told(memory), memory.acceptances())
    except Problem as problem:
        _tell(problem)
        return {}


def expect_memory(out: Path, db: str) -> None:
    """Raise a :class:`UsageProblem` where no run ever was: looking must not make a database."""
    if not (db or (out / "soak.db").exists() or (out / "runs").is_dir()):
        raise UsageProblem(
            f"{out} holds no runs and no memory yet; soak run, or name another folder with --out"
        )


def morning_of(run: str, out: Path, db: str) -> Morning | None:
    """What the nights before ``run`` make of it, or None if it is no night.

    What fails is told: a report goes without it.
    """
    try:
        with recalled(out, db) as memory:
            return _judged(run, told(memory))
    except Problem as problem:
        _tell(problem)
        return None


def morning_after(run: str, out: Path, db: str) -> Morning | None:
    """The same for a run that has just been remembered, while its lock is held."""
    try:
        with told_as_problem(), open_memory(out, db) as memory:
            return _judged(run, told(memory))
    except Problem as problem:
        _tell(problem)
        return None


def accepted_before(out: Path, db: str) -> frozenset[str]:
    """The findings that were accepted so far.

    Raises:
        Problem: the memory cannot be used.
    """
    if not (db or (out / "soak.db").exists()):
        return frozenset()
    with told_as_problem(), open_memory(out, db) as memory:
        return frozenset(acceptance.finding for acceptance in memory.acceptances())


def _judged(run: str, nights: list[Told]) -> Morning | None:
    return next((each.morning for each in reversed(nights) if each.night.run.name == run), None)


def _tell(problem: Problem) -> None:
    say(f"soak: {problem}\nsoak: so nothing here tells what is new, and what was known before")
