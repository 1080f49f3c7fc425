"""Exit: a worker ended by itself without its last words, whatever the code."""

from __future__ import annotations

from soak.detect.clue import Clue, Watched
from soak.events import Kind, WorkerEnded


def exited(ended: WorkerEnded, watched: Watched) -> Clue | None:
    """The exit that nobody asked for, if it was one: native libraries call ``exit(1)`` behind Python's back.

    A worker that said its last words and still ends with a status other than 0 is one as well: something
    failed while the interpreter was shutting down.
    """
    if ended.status < 0 or watched.unusable or ended.asked == "hang":
        return None
    if ended.last_words and ended.status == 0:
        return None
    said = last_line(ended.mujoco_log)
    how = (
        f"exit status {ended.status} after its last words"
        if ended.last_words
        else f"ended without a word, exit status {ended.status}"
    )
    return Clue(
        kind=Kind.EXIT,
        title=f"{how}: {said}" if said else f"{how}, during {ended.phase.value}",
        promise=said or f"exit status {ended.status}",
        detail=f"during {ended.phase.value}, {ended.seconds:.1f} s after the worker began",
        doing=ended.doing,
        shutdown=ended.last_words,
        operation=ended.operation,
        iteration=ended.iteration,
    )


def last_line(log: str) -> str:
    """The last line that says something, without the mark ``ERROR:``."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1].removeprefix("ERROR:").strip() if lines else ""
