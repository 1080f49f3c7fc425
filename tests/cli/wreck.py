"""What a killed run had written: what the next command must know of it."""

from __future__ import annotations

from pathlib import Path

from soak.events import PromiseBroken, Sighted, WorkerEnded, WorkerStarted
from soak.findings.counts import Counts
from soak.flight import FlightReader
from soak.supervisor.stream import read_events
from tests.cli.command import DEADLINE_S, wait_gone


class Wreck:
    """What a killed run had written, read by nothing but the event format and the flight files."""

    def __init__(self, folder: Path) -> None:
        events = [event for event in read_events(folder / "events.jsonl") if event is not None]
        began = [event for event in events if isinstance(event, WorkerStarted)]
        ended = [event for event in events if isinstance(event, WorkerEnded)]
        self.sighted = [event for event in events if isinstance(event, Sighted)]
        self.broken = [event for event in events if isinstance(event, PromiseBroken)]
        self.counts: dict[str, Counts] = {}
        for event in ended:
            self.counts.setdefault(event.scenario, Counts()).add(event)
        gone = {event.worker for event in ended}
        lost = [event for event in began if event.worker not in gone]
        assert wait_gone([event.pid for event in lost], within=DEADLINE_S) == []
        for worker in lost:
            total = self.counts.setdefault(worker.scenario, Counts())
            flight = folder / "workers" / str(worker.worker) / "flight"
            reader = FlightReader(flight)
            snapshot = reader.snapshot()
            reader.close()
            total.iterations += snapshot.iterations
            total.operations += snapshot.operations
            total.accepted += snapshot.accepted
            total.refused += snapshot.refused
