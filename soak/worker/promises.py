"""Invariants and checks: call one, and tell the witness where it does not hold.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from soak.author import Promise
from soak.events import Frame
from soak.worker import frames


class Judge(Protocol):
    """Who is told of broken promises: the worker's witness, or that of a schedule."""

    @property
    def broken_here(self) -> int: ...
    def report_broken(
        self, promise: str, details: Mapping[str, object], where: tuple[Frame, ...]
    ) -> None: ...
    def report_raised(self, error: BaseException, *, doing: str | None = None) -> None: ...
    def seen(self, index: int) -> None: ...
    def tell(self, text: str) -> None: ...


def look(witness: Judge, promise: str, holds: Promise, state: Any) -> None:
    """Report ``promise`` as broken if ``holds(state)`` is false or fails an assertion, or what it raised."""
    before = witness.broken_here
    try:
        answer = holds(state)
    except AssertionError as error:
        where = frames.of_traceback(error.__traceback__) or frames.of_callable(holds)
        witness.report_broken(promise, {"assertion": frames.error_message(error)}, where)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
        witness.report_raised(error, doing=promise)
    else:
        # A look that states `always` itself has told already, and better.
        if not answer and witness.broken_here == before:
            witness.report_broken(promise, {"returned": answer}, frames.of_callable(holds))
