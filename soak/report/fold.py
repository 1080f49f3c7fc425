"""The fold that every view reads: what a run has done and found so far."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from soak.events import (
    Beat,
    Event,
    Evidence,
    Facts,
    Kept,
    Kind,
    Note,
    Resumed,
    RunEnded,
    RunStarted,
    Sample,
    ScenarioSkipped,
    Sighted,
    WorkerEnded,
    WorkerStarted,
)
from soak.findings.likeness import Likely, probably_same
from soak.findings.signature import signature
from soak.findings.statistics import zero_failure_bound
from soak.report.rows import Counts, FindingRow, ScenarioRow, WorkerRow
from soak.supervisor.stream import read_events

__all__ = ["Progress", "fold", "read_events"]

_NOTES_KEPT = 20
_SIGHTINGS_OPEN = 1000


class Progress:
    """A run so far. Feed it every event in order; its memory does not grow with the run's length."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """``clock`` tells Unix seconds; a fold over an old stream goes by the stream's own times."""
        self.started: RunStarted | None = None
        self.environment: dict[str, str] = {}
        self.ended: RunEnded | None = None
        self.scenarios: dict[str, ScenarioRow] = {}
        self.findings: dict[str, FindingRow] = {}
        self.skipped: list[ScenarioSkipped] = []
        self.notes: deque[Note] = deque(maxlen=_NOTES_KEPT)
        self.broken_lines = 0
        self._clock = clock
        self._workers: dict[int, WorkerRow] = {}
        self._names: dict[int, str] = {}
        self._last_t = 0.0
        self._before, self._since = 0.0, 0.0

    def tick(self) -> None:
        """Time passes; a fold does not mind."""

    def see(self, event: Event) -> None:
        """Take one event."""
        self._last_t = max(self._last_t, event.t)
        match event:
            case RunStarted():
                self.started = event
                self.environment |= event.environment
                self._since = event.t
                for name in event.scenarios:
                    self._scenario(name)
            case Resumed():
                self.ended = None
                self._before, self._since = event.seconds, event.t
            case Facts():
                self.environment |= event.facts
            case ScenarioSkipped():
                self.skipped.append(event)
            case Note():
                self.notes.append(event)
            case WorkerStarted():
                row = self._scenario(event.scenario)
                row.start(event)
                self._workers[event.worker] = row.alive[event.worker]
            case Sample() | Beat():
                self._figures(event)
            case WorkerEnded():
                row = self._scenario(event.scenario)
                row.end(event)
                row.mark_pace(event.t)
                self._workers.pop(event.worker, None)
            case Sighted():
                self._sighted(event)
            case Kept() | Evidence():
                self._filed(event)
            case RunEnded():
                self.ended = event
            case _:
                pass

    def _figures(self, event: Sample | Beat) -> None:
        worker = self._workers.get(event.worker)
        if worker is None:
            return
        worker.take(event)
        if isinstance(event, Sample):
            self._scenario(worker.scenario).mark_pace(event.t)

    def _sighted(self, event: Sighted) -> None:
        name = signature(event).id
        row = self.findings.setdefault(name, FindingRow.of(name, event))
        row.take(event)
        self._names[event.sighting] = name
        self._names.pop(event.sighting - _SIGHTINGS_OPEN, None)
        if event.scenario:
            self._scenario(event.scenario).findings.add(name)
            if event.kind not in (Kind.HARNESS, Kind.INFRA):
                self._scenario(event.scenario).hit(event.worker, event.iteration)
        worker = self._workers.get(event.worker)
        if worker is not None and event.kind in (Kind.VIOLATION, Kind.ERROR):
            worker.failed_in = event.iteration  # the worker retires in it, with status 0

    def _filed(self, event: Kept | Evidence) -> None:
        row = self.findings.get(self._names.get(event.sighting, ""))
        if row is None:
            return
        if isinstance(event, Kept):
            row.keep(event)
        elif event.problem:
            row.missing[event.name] = event.problem
        else:
            row.missing.pop(event.name, None)

    def _scenario(self, name: str) -> ScenarioRow:
        return self.scenarios.setdefault(name, ScenarioRow(name))

    # -- what views ask ----------------------------------------------------------------------------------

    @property
    def totals(self) -> Counts:
        """Sums over all scenarios."""
        total = Counts()
        for row in self.scenarios.values():
            total.add(row.counts)
        return total

    @property
    def pace(self) -> tuple[float, float]:
        """Iterations and operations per second of late, over all scenarios."""
        paces = [row.pace for row in self.scenarios.values()]
        return sum(pace[0] for pace in paces), sum(pace[1] for pace in paces)

    @property
    def elapsed(self) -> float:
        """Seconds that the run has run; for a fold over an old stream, until its last event."""
        if self.started is None:
            return 0.0
        if self.ended is not None:
            return self.ended.seconds
        return self._before + max(0.0, max(self._clock(), self._last_t) - self._since)

    @property
    def seconds_left(self) -> float | None:
        """Seconds of the budget that are left, or None where it is not one of time."""
        if self.started is None or self.started.minutes is None:
            return None
        return max(0.0, self.started.minutes * 60 - self.elapsed)

    @property
    def iterations_left(self) -> int | None:
        """Iterations of the budget that are left, or None where it is not one of iterations."""
        if self.started is None or self.started.count is None:
            return None
        return sum(max(0, self.started.count - row.tries) for row in self.scenarios.values())

    @property
    def bound(self) -> float:
        """The highest rate per iteration, over all scenarios, of a failure that was not seen."""
        return zero_failure_bound(sum(row.tries for row in self.scenarios.values()))

    @property
    def unproven(self) -> dict[str, tuple[str, ...]]:
        """Per scenario that proved nothing, why."""
        return {row.name: row.unproven for row in self.scenarios.values() if row.unproven}

    def tries_of(self, finding: FindingRow) -> int:
        """Iterations in which this finding could have come up: those of the scenarios it came up in."""
        return sum(self._scenario(name).tries for name in finding.scenarios if name)

    def probably_same(self, finding: FindingRow) -> tuple[Likely, ...]:
        """The run's other findings that are probably faces of this one's root cause."""
        return probably_same(finding.face, [row.face for row in self.findings.values()])

    def kinds(self) -> dict[Kind, int]:
        """How many findings there are of each kind, in the order of :class:`Kind`."""
        found = [row.kind for row in self.findings.values()]
        return {kind: found.count(kind) for kind in Kind if kind in found}


def fold(path: Path) -> Progress:
    """The progress of a recorded run.

    Raises:
        OSError: the stream cannot be read.
    """
    progress = Progress(clock=lambda: 0.0)
    for event in read_events(path):
        if event is None:
            progress.broken_lines += 1
        else:
            progress.see(event)
    return progress
