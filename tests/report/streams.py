"""Whole streams of events, as a run writes them, for the views."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from soak.detect import Detective
from soak.events import (
    Beat,
    Event,
    Kept,
    LastWords,
    Phase,
    RunEnded,
    RunStarted,
    Sample,
    ScenarioSkipped,
    Verdict,
    WorkerEnded,
    WorkerStarted,
    encode,
)
from soak.findings.signature import signature
from soak.report.fold import Progress
from tests.detect.samples import fault, sample

SCENARIOS = ("mutation_storm", "start_stop")
MARK = "a mutation met a running policy"


def clean(*, iterations: int = 360) -> Iterator[Event]:
    """A run of two scenarios that ends well and has proved something."""
    yield sample(RunStarted, t=0.0, scenarios=SCENARIOS)
    for worker, scenario in enumerate(SCENARIOS, start=1):
        yield from _worker(worker, scenario, iterations, status=0, last_words=True)
    yield sample(RunEnded, t=1800.0, verdict=Verdict.CLEAN, seconds=1800.0)


def crashing(*, workers: int = 20, crashes: int = 7) -> Iterator[Event]:
    """A run in which `crashes` of `workers` iterations of one scenario die of one bug."""
    yield sample(RunStarted, t=0.0, scenarios=SCENARIOS[:1])
    yield sample(
        ScenarioSkipped, t=0.0, scenario="render_storm", reason="no GL", remedy="apt install libosmesa6"
    )
    for worker in range(1, workers + 1):
        if worker <= crashes:
            yield from _worker(worker, SCENARIOS[0], 0, status=-11, fault_text=fault("3.12-segv"))
        else:
            yield from _worker(worker, SCENARIOS[0], 1, status=0, last_words=True)
    yield sample(RunEnded, t=60.0, seconds=60.0)


def _worker(worker: int, scenario: str, iterations: int, **end: object) -> Iterator[Event]:
    first = worker * 1000
    begun = float(worker)
    counts = {"operations": 1000 * max(1, iterations), "accepted": 10, "refused": 990 * max(1, iterations)}
    yield sample(
        WorkerStarted, t=begun, worker=worker, scenario=scenario, first_iteration=first, sometimes=(MARK,)
    )
    yield sample(Sample, t=begun + 0.5, worker=worker, iterations=iterations, **counts)
    if iterations:
        yield sample(
            Beat,
            t=begun + 0.6,
            worker=worker,
            iteration=first + iterations - 1,
            iterations=iterations,
            sometimes={MARK: 3},
            **counts,
        )
    if end.get("last_words"):
        yield sample(LastWords, t=begun + 0.8, worker=worker, iterations=iterations)
    fields: dict[str, object] = {
        "worker": worker,
        "scenario": scenario,
        "iterations": iterations,
        "iteration": first + (iterations if end["status"] else iterations - 1),
        "phase": Phase.OPERATIONS,
        "sometimes": {MARK: 3},
        **counts,
        **end,
    }
    yield sample(WorkerEnded, t=begun + 0.9, **fields)


def judged(events: Iterator[Event]) -> Iterator[Event]:
    """The stream with what the detective and the store add to it."""
    detective = Detective()
    occurrences: dict[str, int] = {}
    for event in events:
        yield event
        for sighted in detective.feed(event, evidence=("workers/1/fault.txt",)):
            yield sighted
            name = signature(sighted).id
            number = occurrences[name] = occurrences.get(name, 0) + 1
            yield Kept(
                t=sighted.t,
                sighting=sighted.sighting,
                finding=name,
                occurrence=number,
                new=number == 1,
                path=f"findings/{name}/{number}",
            )


def folded(events: Iterator[Event], *, now: float = 0.0) -> Progress:
    """The fold of a stream, judged."""
    progress = Progress(clock=lambda: now)
    for event in judged(events):
        progress.see(event)
    return progress


def write(path: Path, events: Iterator[Event]) -> Path:
    """The stream as a file."""
    path.write_bytes(b"".join(encode(event) for event in judged(events)))
    return path
