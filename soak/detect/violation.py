"""Violation: an ``always``, an invariant or a check did not hold."""

from __future__ import annotations

from soak.detect.clue import Clue
from soak.events import Kind, PromiseBroken


def violation(broken: PromiseBroken) -> Clue:
    """The promise that was broken, with what the author handed over as evidence."""
    details = ", ".join(f"{name}={value}" for name, value in broken.details.items())
    place = f"{broken.thread} in {broken.doing}" if broken.doing else broken.thread
    return Clue(
        kind=Kind.VIOLATION,
        title=broken.promise,
        promise=broken.promise,
        detail=f"{place}, during {broken.phase.value}" + (f": {details}" if details else ""),
        frames=broken.frames,
        doing=(place,),
        iteration=broken.iteration,
    )
