"""What is not as it was when a finding was seen: told, and no reason not to try."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from soak.files import digest
from soak.findings.finding import Reproducer
from soak.findings.recipe import CHANGED
from soak.supervisor.plan import Entry

_MOVED = "the same seed may decide otherwise"


def drift(
    known: Reproducer, entry: Entry, *, soak: str, commit: str, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """The differences, in words, between what ``known`` was seen with and what ``entry`` would run with.

    ``commit`` is the working directory's, as :func:`soak.supervisor.machine_environment.git_commit` says it.
    What nobody noted at the time is no difference.
    """
    told = []
    if known.soak and known.soak != soak:
        told.append(f"it was found with soak {known.soak}, and this is {soak}: {_MOVED}")
    now = digest(entry.file)
    if known.digest and known.digest != now:
        told.append(f"{Path(entry.file).name} has changed since ({known.digest} then, {now} now): {_MOVED}")
    told += _commits(known.commit, commit)
    told += [
        f"{name} was {value!r}, and is {environ[name]!r} here"
        for name, value in known.env.items()
        if environ.get(name, value) != value
    ]
    return tuple(told)


def _commits(then: str, now: str) -> list[str]:
    if not then or not now:
        return []
    (before, _, _), (after, _, _) = then.partition(CHANGED), now.partition(CHANGED)
    short = min(len(before), len(after))
    if before[:short] != after[:short]:
        return [f"it was found at commit {before[:12]}, and {after[:12]} is checked out"]
    if CHANGED in then:
        return ["it was found with changes that were not committed"]
    return ["files differ from the commit it was found at"] if CHANGED in now else []
