"""Invariants and checks: call one, and tell the witness where it does not hold.

Standard library only.
"""

from __future__ import annotations

from typing import Any

from soak.author import Promise
from soak.worker import frames
from soak.worker.witness import WorkerWitness


def look(witness: WorkerWitness, promise: str, holds: Promise, state: Any) -> None:
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
