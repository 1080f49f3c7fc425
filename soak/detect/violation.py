"""Violation: an ``always``, an invariant or a check did not hold."""

from __future__ import annotations

from soak.detect.clue import Clue
from soak.events import Kind, PromiseBroken


def violation(broken: PromiseBroken) -> Clue:
    """The promise that was broken, with what the author handed over as evidence.

    Where a guarantee makes the promise, that is the problem, and the promise is as what it showed.
    """
    broken_as = f"broken as: {broken.promise}; " if broken.guarantee else ""
    details = ", ".join(f"{name}={value}" for name, value in broken.details.items())
    place = f"{broken.thread} in {broken.doing}" if broken.doing else broken.thread
    return Clue(
        kind=Kind.VIOLATION,
        title=broken.guarantee or broken.promise,
        promise=broken.promise,
        guarantee=broken.guarantee,
        detail=f"{broken_as}{place}, during {broken.phase.value}" + (f": {details}" if details else ""),
        frames=broken.frames,
        doing=(place,),
        iteration=broken.iteration,
    )
