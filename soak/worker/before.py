"""What a worker is told to run before its own iterations, in the same process: does its state come through?

Nothing of it is counted or measured for leaks; what it breaks is told, and ends the worker.

Standard library only.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import Any

from soak import author
from soak.author import Scenario
from soak.events import Before, Preceded, WorkerSpec
from soak.flight import H_ITERATION, Flight
from soak.worker.desk import open_desk
from soak.worker.emitter import Emitter
from soak.worker.iteration import run_iteration
from soak.worker.load import load


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of ``WorkerSpec.before``, loaded."""

    before: Before
    scenario: Scenario
    target: Any


def load_parts(spec: WorkerSpec) -> list[Part]:
    """Load everything at once, so that nothing is imported between two parts.

    Raises:
        LoadError: one of them is not there any more, or cannot be imported.
    """
    parts = []
    for before in spec.before:
        scenario, target = load(before.scenario_file, before.scenario, before.target)
        parts.append(Part(before=before, scenario=scenario, target=target))
    return parts


def run_part(part: Part, spec: WorkerSpec, flight: Flight, emitter: Emitter) -> str:
    """Run a part's iterations; returns why the worker has to end now (``finding``, ``asked``), or "".

    Raises:
        Unusable: the scenario cannot be run as it is written.
    """
    desk = open_desk(spec, flight, emitter, part.scenario, part.target)
    author.set_witness(desk.witness)
    desk.perturber.install()
    try:
        for number in part.before.iterations:
            flight.words[H_ITERATION] = number
            whole = run_iteration(desk, number)
            if flight.stop_asked:
                return "asked"
            if not whole:
                return "finding"
            gc.collect()  # as before a beat
    finally:
        desk.perturber.remove()
    emitter.emit(
        Preceded(
            t=time.time(),
            worker=spec.worker,
            scenario=part.scenario.name,
            iterations=len(part.before.iterations),
        )
    )
    return ""
