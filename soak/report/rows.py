"""What the fold keeps: a row per scenario, per living worker, per finding. All bounded."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from soak.events import Kept, Kind, Sighted
from soak.findings.counts import Counts, ScenarioRow, WorkerRow
from soak.findings.likeness import Face, places_of
from soak.findings.statistics import say_rate

__all__ = ["Counts", "FindingRow", "ScenarioRow", "WorkerRow"]

#: Iterations remembered of a finding, the last ones, to see which findings come together.
_MOMENTS_KEPT = 64
#: A growth is told once per worker: it has no rate per iteration. Nor have soak's and the machine's faults.
_WITHOUT_RATE = (Kind.HARNESS, Kind.INFRA)


@dataclass(slots=True)
class FindingRow:
    """A finding in this run. ``hits`` counts iterations in which it was sighted, ``count`` its sightings.

    ``new`` is whether the store had never seen it before this run; ``path`` where its newest kept occurrence
    lies, relative to the store; ``missing`` says which evidence there is not, and why; ``anywhere`` is the
    command that brings it back on another checkout; ``broken_as`` counts which promises of a guarantee were
    broken.
    """

    id: str
    kind: Kind
    title: str
    detail: str
    t: float
    iteration: int
    tainted: bool
    shutdown: bool
    promise: str
    new: bool = True
    count: int = 0
    hits: int = 0
    path: str = ""
    anywhere: str = ""
    scenarios: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)
    broken_as: Counter[str] = field(default_factory=Counter)
    target: str = ""
    places: tuple[str, ...] = ()
    moments: deque[tuple[str, int, int]] = field(default_factory=lambda: deque(maxlen=_MOMENTS_KEPT))
    _last: tuple[int, int] = (-1, -1)

    @classmethod
    def of(cls, name: str, sighted: Sighted) -> FindingRow:
        return cls(
            id=name,
            kind=sighted.kind,
            title=sighted.title,
            detail=sighted.detail,
            t=sighted.t,
            iteration=sighted.iteration,
            tainted=sighted.tainted,
            shutdown=sighted.shutdown,
            promise=sighted.promise,
            target=sighted.target,
            places=places_of(sighted.frames),
        )

    def take(self, sighted: Sighted) -> None:
        self.count += 1
        self.scenarios.add(sighted.scenario)
        self.broken_as.update([sighted.promise] * bool(sighted.guarantee))
        if (sighted.worker, sighted.iteration) != self._last:
            self._last = (sighted.worker, sighted.iteration)
            self.moments.append(("", *self._last))
            self.hits += 1

    @property
    def face(self) -> Face:
        """What is compared of it with the run's other findings."""
        return Face(
            finding=self.id,
            kind=self.kind,
            target=self.target,
            places=self.places,
            moments=frozenset(self.moments),
        )

    def keep(self, kept: Kept) -> None:
        if self.count <= 1:
            self.new = kept.new
        self.path = kept.path
        self.anywhere = kept.anywhere or self.anywhere

    def say_rate(self, tries: int) -> str:
        """``7/20 (35 %, 95 % interval 18–57 %)``, or nothing where a rate per iteration means nothing."""
        if self.kind in _WITHOUT_RATE or self.promise == "memory" or not tries:
            return ""
        return say_rate(min(self.hits, tries), tries)
