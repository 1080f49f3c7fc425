"""The fold that makes a stream into the memory's rows. Bounded: occurrences leave it early."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soak.events import (
    Beat,
    Event,
    Kept,
    Kind,
    Resumed,
    RunEnded,
    RunStarted,
    Sample,
    Sighted,
    WorkerEnded,
    WorkerStarted,
)
from soak.findings.counts import ScenarioRow, WorkerRow
from soak.findings.signature import signature
from soak.supervisor.stream import read_events

#: A sighting is filed within moments; what is not after so many others was not kept.
_OPEN = 1000
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a run is known by, wherever its folder lies."""

    name: str
    started: float
    seed: str


@dataclass(slots=True)
class Intake:
    """Feed it every event of a run in order, None for a broken line; take its rows when you like."""

    broken_lines: int = 0
    findings: dict[str, Row] = field(default_factory=dict)
    _started: RunStarted | None = None
    _ended: RunEnded | None = None
    _first_t: float | None = None
    _last_t: float = 0.0
    _spent: float = 0.0
    _since: float = 0.0
    _scenarios: dict[str, ScenarioRow] = field(default_factory=dict)
    _workers: dict[int, WorkerRow] = field(default_factory=dict)
    _open: dict[int, Sighted] = field(default_factory=dict)
    _ready: list[Row] = field(default_factory=list)

    def see(self, event: Event | None) -> None:
        """Take one event."""
        if event is None:
            self.broken_lines += 1
            return
        if self._first_t is None:
            self._first_t = self._since = event.t
        self._last_t = max(self._last_t, event.t)
        match event:
            case RunStarted():
                self._started = event
                for name in event.scenarios:
                    self._scenario(name)
            case Resumed():
                self._spent, self._since, self._ended = event.seconds, event.t, None
            case WorkerStarted():
                row = self._scenario(event.scenario)
                row.start(event)
                self._workers[event.worker] = row.alive[event.worker]
            case Beat() | Sample():
                if event.worker in self._workers:
                    self._workers[event.worker].take(event)
            case WorkerEnded():
                self._scenario(event.scenario).end(event)
                self._workers.pop(event.worker, None)
            case Sighted():
                self._sighted(event)
            case Kept():
                if (sighted := self._open.pop(event.sighting, None)) is not None:
                    self._file(sighted, event.finding, event.path)
            case RunEnded():
                self._ended = event
            case _:
                pass

    def take_occurrences(self, *, all_of_them: bool = False) -> list[Row]:
        """The rows that are ready, gone from here then; at the end, those that were never kept as well."""
        if all_of_them:
            for number in list(self._open):
                self._file_unkept(number)
        ready, self._ready = self._ready, []
        return ready

    @property
    def pending(self) -> int:
        """How many rows wait to be taken."""
        return len(self._ready)

    def run(self) -> Row:
        """The run's row, without its number and its length in bytes."""
        started, ended = self._started, self._ended
        argv = list(started.argv) if started else []
        seconds = ended.seconds if ended else self._spent + max(0.0, self._last_t - self._since)
        return {
            "command": clean(argv[0]) if argv else "",
            "argv": [clean(word) for word in argv],
            "seconds": seconds,
            "minutes": started.minutes if started else None,
            "count_each": started.count if started else None,
            "jobs": started.jobs if started else 0,
            "verdict": ended.verdict.value if ended else None,
            "reason": clean(ended.reason) if ended else "",
            "broken_lines": self.broken_lines,
        }

    def facts(self) -> list[Row]:
        """The run's environment."""
        environment = self._started.environment if self._started else {}
        return [{"name": clean(name), "value": clean(value)} for name, value in environment.items()]

    def scenarios(self) -> list[Row]:
        """A row for each scenario of the run."""
        return [
            {
                "scenario": row.name,
                "iterations": row.counts.iterations,
                "tries": row.tries,
                "operations": row.counts.operations,
                "accepted": row.counts.accepted,
                "refused": row.counts.refused,
                "seconds": row.seconds,
                "sometimes": {clean(text): count for text, count in row.sometimes.items()},
                "unproven": [clean(text) for text in row.unproven],
            }
            for row in self._scenarios.values()
        ]

    def _scenario(self, name: str) -> ScenarioRow:
        return self._scenarios.setdefault(clean(name), ScenarioRow(clean(name)))

    def _sighted(self, event: Sighted) -> None:
        self._open[event.sighting] = event
        if event.sighting - _OPEN in self._open:
            self._file_unkept(event.sighting - _OPEN)
        worker = self._workers.get(event.worker)
        if worker is not None and event.kind in (Kind.VIOLATION, Kind.ERROR):
            worker.failed_in = event.iteration  # the worker retires in it, with status 0

    def _file_unkept(self, number: int) -> None:
        sighted = self._open.pop(number)
        self._file(sighted, signature(sighted).id, "")

    def _file(self, sighted: Sighted, finding: str, path: str) -> None:
        self._ready.append(
            {
                "sighting": sighted.sighting,
                "finding": clean(finding),
                "scenario": clean(sighted.scenario),
                "worker": sighted.worker,
                "iteration": sighted.iteration,
                "at": sighted.t,
                "path": clean(path),
            }
        )
        known = self.findings.get(finding)
        self.findings[finding] = {
            "id": clean(finding),
            "kind": sighted.kind.value,
            "title": known["title"] if known else clean(sighted.title),
            "detail": clean(sighted.detail),
            "parts": [clean(part) for part in signature(sighted).parts],
            "first_seen": min(known["first_seen"], sighted.t) if known else sighted.t,
            "last_seen": max(known["last_seen"], sighted.t) if known else sighted.t,
        }


def identity(stream: Path) -> Identity:
    """What the run of ``stream`` is known by; of a broken first line, its folder's name must do.

    Raises:
        OSError: the stream cannot be read.
    """
    first = next(read_events(stream), None)
    if isinstance(first, RunStarted):
        return Identity(name=clean(first.run), started=first.t, seed=str(first.seed))
    name = stream.parent.name
    try:
        started = time.mktime(time.strptime(name[:15], "%Y%m%d-%H%M%S"))
    except ValueError:
        started = 0.0
    return Identity(name=clean(name), started=started, seed="")


def intake_of(stream: Path) -> Iterator[Intake]:
    """The fold over ``stream``, handed out again and again for its ready rows to be taken.

    Raises:
        OSError: the stream cannot be read.
    """
    intake = Intake()
    for event in read_events(stream):
        intake.see(event)
        if intake.pending >= _OPEN:
            yield intake
    yield intake


def clean(text: str) -> str:
    """The text as any database takes it: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")
