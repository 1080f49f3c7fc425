"""Brings a finding back: the same iteration, in fresh workers, again; and counts how often it came."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from soak.events import Event, Kept, Kind, RunStarted, Sighted, WorkerEnded
from soak.findings.finding import Finding
from soak.findings.signature import former_name
from soak.findings.statistics import say_rate
from soak.supervisor.plan import Entry, Plan

#: A leak needs its worker's earlier iterations too (warm-up, a slope), and some room to show again.
_LEAK_ROOM = 1.5
_LEAK_LEAST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """What the tries brought: ``first_after`` in seconds from the run's start, ``different`` by finding."""

    finding: str
    hits: int
    tries: int
    first_after: float | None
    different: dict[str, int]

    def in_words(self) -> str:
        """ "brought back 7/20 (35 %, 95 % interval 18–57 %), first after 4 s"."""
        first = f", first after {self.first_after:.1f} s" if self.first_after is not None else ""
        lines = [f"brought back {say_rate(self.hits, self.tries)}{first}"]
        lines += [
            f"a different finding came {times}×, and was kept: {name}"
            for name, times in sorted(self.different.items())
        ]
        return "\n".join(lines)


class Tally:
    """A view: one worker is one try, and a hit if the finding was sighted in it."""

    def __init__(self, finding: str) -> None:
        self._finding = finding
        self._began = 0.0
        self._worker_of: dict[int, int] = {}
        self._formerly: set[int] = set()
        self._hits: set[int] = set()
        self._tries = 0
        self._first_after: float | None = None
        self._different: Counter[str] = Counter()

    def see(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._began = event.t
            case Sighted():
                self._worker_of[event.sighting] = event.worker
                if former_name(event) == self._finding:
                    self._formerly.add(event.sighting)
            case Kept() if event.finding == self._finding or event.sighting in self._formerly:
                self._hits.add(self._worker_of[event.sighting])
                if self._first_after is None:
                    self._first_after = event.t - self._began
            case Kept():
                self._different[event.finding] += 1
            case WorkerEnded() if not event.asked or event.asked == "hang":
                self._tries += 1

    def tick(self) -> None:
        pass

    def result(self) -> Reproduced:
        """The count so far."""
        return Reproduced(
            finding=self._finding,
            hits=len(self._hits),
            tries=self._tries,
            first_after=self._first_after,
            different=dict(self._different),
        )


def plan_for(finding: Finding, entry: Entry, *, tries: int, out: Path, python: str) -> Plan:
    """The run that tries to bring ``finding`` back: its iteration in fresh workers, ``tries`` times."""
    known = finding.reproducer
    first, span = known.iteration, 1
    if finding.kind is Kind.LEAK:
        first = known.first_iteration
        span = max(_LEAK_LEAST, math.ceil(_LEAK_ROOM * (known.iteration - first + 1)))
    return Plan(
        entries=(entry,),
        seed=known.seed,
        jobs=1,
        out=out,
        count=tries,
        target=known.target,
        python=python or known.python,
        hang_after=known.hang_after,
        hang_after_given=True,
        perturb=known.perturb,
        guard_malloc=known.guard_malloc,
        first_iteration=first,
        span=span,
    )
