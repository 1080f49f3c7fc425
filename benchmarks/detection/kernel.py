"""The record of a kernel: a program with a bug, its corrected twin, and where the bug was described."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from benchmarks.detection.case import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Schedules to the first bug in the literature; None where a tool did not find it.

    POS is partial-order sampling, PCT3 probabilistic concurrency testing with depth 3, RFF the reads-from
    fuzzer, all three as the RFF paper reports them: Wolff, Shi, Duck, Mathur, Roychoudhury, Greybox fuzzing
    for concurrency testing, ASPLOS 2024.
    """

    pos: int | None
    pct3: int | None
    rff: int | None

    def __str__(self) -> str:
        return " / ".join(
            "–" if figure is None else str(figure) for figure in (self.pos, self.pct3, self.rff)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One bug. ``buggy.run()`` raises or deadlocks under some schedules (a few kernels: under all of them),
    ``fixed.run()`` under none. ``hangs`` says that the bug is a deadlock."""

    name: str
    source: str
    buggy: type[Case]
    fixed: type[Case]
    hangs: bool = False
    published: Published | None = None

    @property
    def file(self) -> str:
        """The source file of the program: what a schedule may preempt."""
        return inspect.getfile(self.buggy)
