"""What a scenario has done so far, over its workers: what views and memory sum up. All bounded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from soak.events import Beat, Sample, WorkerEnded, WorkerStarted
from soak.timing import Took, add_up

#: Rates per second are those of about the last seconds.
RATE_WINDOW_S = 10.0


@dataclass(slots=True)
class Counts:
    """Sums over workers."""

    iterations: int = 0
    operations: int = 0
    accepted: int = 0
    refused: int = 0

    def add(self, other: Counts | WorkerEnded | Beat | Sample) -> None:
        self.iterations += other.iterations
        self.operations += other.operations
        self.accepted += other.accepted
        self.refused += other.refused


@dataclass(slots=True)
class WorkerRow:
    """A living worker, as its last beat or sample showed it."""

    number: int
    scenario: str
    first_iteration: int
    failed_in: int = -1
    seconds: float = 0.0
    counts: Counts = field(default_factory=Counts)
    sometimes: dict[str, int] = field(default_factory=dict)
    rss: int = 0
    threads: int = 0
    fds: int = 0
    cpu: float = 0.0
    took: dict[str, Took] = field(default_factory=dict)

    def take(self, event: Beat | Sample) -> None:
        self.counts = Counts(event.iterations, event.operations, event.accepted, event.refused)
        if isinstance(event, Beat):
            self.seconds = event.seconds
            self.sometimes = event.sometimes
            self.took = event.took or self.took
        # A beat is taken at rest: what lives while operations run is in the samples.
        if isinstance(event, Sample) or not self.threads:
            self.rss, self.threads, self.fds = event.rss, event.threads, event.fds
        if isinstance(event, Sample):
            self.cpu = event.cpu


@dataclass(slots=True)
class ScenarioRow:
    """One scenario over the whole run. ``ended`` sums its ended workers, ``alive`` are the others.

    ``failed`` counts iterations that began and did not finish because the worker ended in them.
    """

    name: str
    ended: Counts = field(default_factory=Counts)
    ended_seconds: float = 0.0
    failed: int = 0
    workers: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    alive: dict[int, WorkerRow] = field(default_factory=dict)
    findings: set[str] = field(default_factory=set)
    ended_took: dict[str, Took] = field(default_factory=dict)
    _pace: deque[tuple[float, int, int]] = field(default_factory=deque)

    def start(self, event: WorkerStarted) -> None:
        self.workers += 1
        self.alive[event.worker] = WorkerRow(event.worker, self.name, event.first_iteration)
        for text in event.sometimes:
            self.seen.setdefault(text, 0)

    def end(self, event: WorkerEnded) -> None:
        row = self.alive.pop(event.worker, None)
        self.ended.add(event)
        self.ended_seconds += event.seconds
        for text, count in event.sometimes.items():
            self.seen[text] = self.seen.get(text, 0) + count
        if row is not None:
            self.ended_took = _together(self.ended_took, row.took)
        if row is None:
            return
        found = row.failed_in == event.iteration
        if found or event.asked in ("", "hang"):
            begun = event.iteration - row.first_iteration + 1
            died = event.status != 0 or found
            self.failed += 1 if begun > event.iterations and died else 0

    @property
    def counts(self) -> Counts:
        """Sums over all workers, the living ones included."""
        total = Counts()
        total.add(self.ended)
        for worker in self.alive.values():
            total.add(worker.counts)
        return total

    @property
    def seconds(self) -> float:
        """How long its workers lived, added up."""
        return self.ended_seconds + sum(worker.seconds for worker in self.alive.values())

    @property
    def tries(self) -> int:
        """Iterations that could have failed: the finished ones, and those that a worker died in."""
        return self.counts.iterations + self.failed

    @property
    def sometimes(self) -> dict[str, int]:
        """How often each `sometimes` was seen so far."""
        seen = dict(self.seen)
        for worker in self.alive.values():
            for text, count in worker.sometimes.items():
                seen[text] = seen.get(text, 0) + count
        return seen

    @property
    def took(self) -> dict[str, Took]:
        """How long what the author timed took, over all workers."""
        return _together(self.ended_took, *(worker.took for worker in self.alive.values()))

    @property
    def never_seen(self) -> tuple[str, ...]:
        return tuple(text for text, count in self.sometimes.items() if not count)

    @property
    def unproven(self) -> tuple[str, ...]:
        """Why a run without a finding has not proved this scenario; empty where it has."""
        if not self.counts.iterations:
            return ("no iteration finished",)
        return tuple(f'never saw "{text}"' for text in self.never_seen)

    def mark_pace(self, t: float) -> None:
        """Remember the counts at ``t``, for the rates of the last seconds."""
        now = self.counts
        self._pace.append((t, now.iterations, now.operations))
        while len(self._pace) > 2 and t - self._pace[0][0] > RATE_WINDOW_S:
            self._pace.popleft()

    @property
    def pace(self) -> tuple[float, float]:
        """Iterations and operations per second of late."""
        if len(self._pace) < 2 or not self.alive:
            return 0.0, 0.0
        (t0, iterations0, operations0), (t1, iterations1, operations1) = self._pace[0], self._pace[-1]
        span = max(t1 - t0, 1e-9)
        return max(0, iterations1 - iterations0) / span, max(0, operations1 - operations0) / span


def _together(*parts: dict[str, Took]) -> dict[str, Took]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: add_up(part[name] for part in parts if name in part) for name in names}
