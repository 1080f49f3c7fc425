"""What a night proved, scenario by scenario."""

from __future__ import annotations

import json

import pytest

from soak.events import Kind, RunStarted, Sighted, WorkerEnded, WorkerStarted
from soak.report.fold import Progress
from soak.report.proof import proof_document, proof_lines
from soak.report.rows import ScenarioRow
from tests.detect.samples import sample


def row(
    *, sightings: tuple[tuple[int, Kind], ...] = (), sometimes: dict[str, int] | None = None
) -> ScenarioRow:
    """A scenario of 360 iterations in half an hour; ``sightings`` are iterations and kinds."""
    progress = Progress(clock=lambda: 0.0)
    progress.see(sample(RunStarted, t=0.0, scenarios=("storm",)))
    progress.see(sample(WorkerStarted, t=0.0, worker=1, scenario="storm", first_iteration=0, sometimes=()))
    for number, (iteration, kind) in enumerate(sightings):
        progress.see(
            sample(
                Sighted, t=1.0, sighting=number, worker=1, scenario="storm", kind=kind, iteration=iteration
            )
        )
    progress.see(
        sample(
            WorkerEnded,
            t=1800.0,
            worker=1,
            scenario="storm",
            status=0,
            iterations=360,
            operations=3600,
            refused=1800,
            seconds=1800.0,
            sometimes=sometimes or {},
        )
    )
    return progress.scenarios["storm"]


def test_a_night_without_a_finding() -> None:
    """The bound on the rate, and on how often in time: three were to be expected at most."""
    assert proof_lines(row()) == [
        "360 iterations, 3.60k operations, 50 % refused: a failure comes in at most 0.83 % of iterations",
        "no finding in 30 min 00 s: at most one in 10 min 01 s",
    ]


def test_a_night_with_findings() -> None:
    """Iterations count once, soak's and the machine's faults not at all; intervals are the exact ones."""
    crash, leak = Kind.CRASH, Kind.LEAK
    found = row(
        sightings=((3, crash), (3, leak), (9, crash), (20, leak), (31, crash), (40, crash), (50, Kind.INFRA))
    )
    # Clopper and Pearson's interval of 5 in 360, and Garwood's of 5: 1.62 to 11.67.
    assert proof_lines(found) == [
        "360 iterations, 3.60k operations, 50 % refused: "
        "any other failure comes in at most 0.83 % of iterations",
        "findings in 5/360 (1.4 %, exactly 0.45–3.2 %), one in 6 min 00 s (2 min 34 s to 18 min 29 s)",
    ]


def test_edges_are_told() -> None:
    """One line for each call that met transitions, before what was timed."""
    said = proof_lines(row(sometimes={"a mutation met the start of a policy": 7, "it rained": 3}))
    assert said[2:] == ["mutation met: start 7×"]


def test_for_machines() -> None:
    """The same as numbers, and null for what has no end."""
    clean = json.loads(json.dumps(proof_document(row(sometimes={"a close met a mutation": 2}))))
    assert clean["seconds_between"] is None
    assert clean["seconds_between_interval"] == [pytest.approx(1800 / 2.9957, rel=1e-4), None]
    assert clean["interval"] == [0.0, pytest.approx(0.0102, abs=1e-4)]
    assert clean["edges"] == {"close met": {"mutation": 2}}
    found = proof_document(row(sightings=((3, Kind.CRASH),)))
    assert (found["hits"], found["seconds_between"]) == (1, 1800.0)
