"""The memory for commands: opened, everything taken in that the streams have, its problems in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from soak.cli.exits import Exit, Problem
from soak.cli.session import locked_if_free, say
from soak.findings.memory import (
    Ingested,
    MemoryLockedError,
    MemoryProblemError,
    UnusableUrlError,
    open_memory,
)

if TYPE_CHECKING:
    from soak.findings.memory.memory import Memory


@contextlib.contextmanager
def recalled(out: Path, url: str = "") -> Iterator[Memory]:
    """The memory, with all that killed and finished runs left; a run that still goes on comes later.

    Raises:
        Problem: it cannot be used.
    """
    with told_as_problem(), open_memory(out, url) as memory:
        with locked_if_free(out) as free:
            if free:
                tell(memory.ingest())
            else:
                say(f"soak: a run works in {out}; what it does now is remembered when it has ended")
        yield memory


def remember(out: Path, url: str = "") -> Exit:
    """At the end of a run, whose lock is held: take it in. What fails is told, and nothing is lost.

    Returns :attr:`Exit.CLEAN`, or the exit code of a run that has nothing worse to say.
    """
    try:
        with told_as_problem(), open_memory(out, url) as memory:
            tell(memory.ingest())
    except Problem as problem:
        say(f"soak: {problem}")
        say("soak: this run is not remembered yet; nothing is lost: the next command takes its stream in")
        return problem.code
    return Exit.CLEAN


def check(out: Path, url: str) -> None:
    """Before a run: that a database somebody named can be used, rather than after a night.

    Raises:
        Problem: it cannot.
    """
    if url:
        with told_as_problem(), open_memory(out, url):
            pass


@contextlib.contextmanager
def told_as_problem() -> Iterator[None]:
    """The memory's errors with their exit codes."""
    try:
        yield
    except UnusableUrlError as error:
        raise Problem(str(error), Exit.USAGE) from error
    except MemoryLockedError as error:
        raise Problem(str(error), Exit.LOCKED) from error
    except MemoryProblemError as error:
        raise Problem(str(error), Exit.CANNOT_RUN) from error


def tell(ingested: Ingested) -> None:
    """What of the streams could not be read."""
    if ingested.broken_lines:
        count = ingested.broken_lines
        lines = "1 line was" if count == 1 else f"{count} lines were"
        say(f"soak: {lines} cut or damaged in the streams of {', '.join(ingested.runs)}; all others count")
    for words in ingested.unreadable:
        say(f"soak: {words}: not taken in")
