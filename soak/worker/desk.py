"""Lay out what a scenario's iterations work with, on the worker's one flight file.

Standard library only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soak.author import Scenario
from soak.events import WorkerSpec
from soak.flight import Flight
from soak.worker.crew import count_slots
from soak.worker.emitter import Emitter
from soak.worker.history import Historian
from soak.worker.iteration import Desk
from soak.worker.perturb import Perturber, files_of
from soak.worker.slots import Slots
from soak.worker.witness import WorkerWitness


def open_desk(spec: WorkerSpec, flight: Flight, emitter: Emitter, scenario: Scenario, target: Any) -> Desk:
    """A desk for ``scenario`` on ``target``, by ``spec``'s seed, limits and perturbation."""
    folder = Path(spec.folder)
    slots = Slots(flight, count_slots(scenario))
    witness = WorkerWitness(spec.worker, folder, flight, slots, emitter)
    return Desk(
        seed=spec.seed,
        scenario=scenario,
        target=target,
        hang_after=spec.hang_after,
        flight=flight,
        slots=slots,
        witness=witness,
        perturber=Perturber(spec.perturb, files_of(target, scenario)),
        historian=Historian(witness, scenario.histories, folder, spec.hang_after),
    )
