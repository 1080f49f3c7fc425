"""Harness: a worker said that it could not do its work, which is soak's fault or the scenario file's."""

from __future__ import annotations

from soak.detect.clue import Clue
from soak.events import Kind, LastWords


def unusable(words: LastWords, iteration: int) -> Clue | None:
    """The worker's own complaint, if its last words are one."""
    if words.reason != "unusable":
        return None
    lines = [line for line in words.message.splitlines() if line.strip()]
    return Clue(
        kind=Kind.HARNESS,
        title="the worker could not work" + (f": {lines[-1].strip()}" if lines else ""),
        promise=lines[-1].strip() if lines else "",
        detail=" / ".join(line.strip() for line in lines[:3]),
        iteration=iteration,
    )
