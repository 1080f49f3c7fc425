"""``soak prune``, and ``soak run --retain``: the oldest evidence goes, so that the disk does not fill."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from soak.cli.exits import Exit, MachineProblem, UsageProblem
from soak.cli.recall import tell, told_as_problem
from soak.cli.session import answer, locked, say
from soak.events import to_plain
from soak.findings.memory import open_memory
from soak.findings.retention import Pruned, Retain, parse_retain, prune


def prune_command(words: Sequence[str], *, out: Path, db: str, wait: float, as_json: bool) -> int:
    """Take away what is too much; exit code 0, whether anything was."""
    retain = retain_of(words)
    if retain == Retain():
        raise UsageProblem("expected --retain with a size like 2GB, a number of occurrences, or both")
    with locked(out, wait):
        pruned = pruned_to(out, db, retain)
    if as_json:
        answer(json.dumps(to_plain(pruned), indent=2))
        say(in_words(pruned))
    else:
        answer(in_words(pruned))
    return Exit.CLEAN


def retain_of(words: Sequence[str]) -> Retain:
    """The bounds that ``--retain`` asks for.

    Raises:
        UsageProblem: a word is no bound.
    """
    try:
        return parse_retain(words)
    except ValueError as error:
        raise UsageProblem(f"--retain: {error}") from error


def pruned_to(out: Path, db: str, retain: Retain) -> Pruned:
    """Prune, once the memory has all that the streams tell. The lock must be held.

    Raises:
        Problem: the memory cannot be written, so nothing was taken away; or the disk failed.
    """
    with told_as_problem(), open_memory(out, db) as memory:
        tell(memory.ingest())
        try:
            pruned = prune(out, retain)
        except OSError as error:
            raise MachineProblem(
                f"{error.filename or out}: cannot be taken away: {error.strerror}"
            ) from error
        memory.forget_folders(runs=pruned.runs, occurrences=pruned.occurrences)
    return pruned


def in_words(pruned: Pruned) -> str:
    """What went, and what is left."""
    parts = [
        _count(len(pruned.runs), "run folder"),
        _count(len(pruned.occurrences), "occurrence"),
    ]
    text = f"taken away: {', '.join(parts)}, {_size(pruned.freed)}; left: " + (
        f"{_count(pruned.count, 'occurrence')}, {_size(pruned.size)}"
    )
    if not pruned.reached:
        text += (
            "; what is left is above the bound, for the first occurrence of a finding and the newest run stay"
        )
    return text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _size(size: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"
