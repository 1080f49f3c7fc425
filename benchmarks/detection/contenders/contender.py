"""What a contender must be able to do. Each runs in a child process of its own, and is killed with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from benchmarks.detection.case import Case
from benchmarks.detection.hunt import Hunt
from benchmarks.detection.kernel import Kernel

#: Schedules after which a search that has a choice gives up.
SCHEDULES = 500


class Contender(Protocol):
    """``seeded``: another seed is another search. ``launcher`` comes before the child's command line."""

    name: str
    seeded: bool
    launcher: tuple[str, ...]

    def missing(self) -> str | None:
        """Why it cannot take part in this interpreter; None where it can."""
        ...

    def hunt(self, kernel: Kernel, program: type[Case], seed: int, seconds: float) -> Iterator[Hunt]:
        """Look for a bug in ``program``, the kernel's own or its twin, for about ``seconds`` at most.

        What came of it is told as soon as it is known, and may be told again once it was replayed.
        """
        ...
