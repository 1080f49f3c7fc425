"""What the harness adds to an operation: label, times, ring, counters, as the worker's own crew keeps them.

The real crew runs an operation that does nothing, in this process, turn by turn with a bare loop that calls
the same function. Processor time counts, that of the crew's waiting main thread included: the wall clock of a
shared machine measures the others too.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from statistics import median

import soak
from benchmarks.row import Bench, Row, at_most, row
from soak import author, flight
from soak.author import Scenario, ScenarioBuilder
from soak.events import Phase
from soak.worker.crew import Crew, count_slots
from soak.worker.emitter import Emitter
from soak.worker.perturb import Files, Perturber
from soak.worker.slots import Slots
from soak.worker.witness import WorkerWitness

ROUNDS, TURNS, LIMIT_US = 100_000, 15, 2.0
POOL = 8


def measure(bench: Bench) -> list[Row]:
    """Fifteen turns of a hundred thousand operations each."""
    emitter = Emitter(os.open(os.devnull, os.O_WRONLY))
    costs: dict[str, list[float]] = {"one": [], "pool": [], "doing": []}
    bare: list[float] = []
    for turn in range(TURNS):
        loop = _bare(ROUNDS)
        bare.append(loop)
        for name, scenario in (("one", _one()), ("pool", _pool()), ("doing", _one(_labelled))):
            costs[name].append(_crewed(bench.folder / f"{name}-{turn}", emitter, scenario) - loop)
    inside = [doing - one for doing, one in zip(costs["doing"], costs["one"], strict=True)]
    note = f"beside a bare loop's {median(bare):.2f} µs per call"
    return [
        at_most("the harness on an operation", costs["one"], LIMIT_US, "µs", note=note),
        at_most(f"the same, one of {POOL} chosen by weight", costs["pool"], LIMIT_US, "µs"),
        row("a `with soak.doing(…)` inside", inside, "µs"),
    ]


def _nothing(state: None, rng: random.Random) -> None:
    pass


def _labelled(state: None, rng: random.Random) -> None:
    with soak.doing("a part"):
        pass


def _story() -> ScenarioBuilder:
    @soak.scenario(seconds=600.0, rounds=ROUNDS)
    def story(target: object, rng: random.Random) -> Generator[None, None, None]:
        """Nothing."""
        yield

    return story


def _one(call: author.Call = _nothing) -> Scenario:
    story = _story()
    story.operation(threads=1)(call)
    return story.freeze()


def _pool() -> Scenario:
    story = _story()
    for number in range(POOL):
        story.operation(weight=1.0 + number)(_nothing)
    return story.freeze()


def _crewed(folder: Path, emitter: Emitter, scenario: Scenario) -> float:
    """Microseconds per operation of a crew's thread."""
    folder.mkdir()
    flight.create(folder / "flight")
    record = flight.Flight(folder / "flight")
    slots = Slots(record, count_slots(scenario))
    witness = WorkerWitness(1, folder, record, slots, emitter)
    before = author.set_witness(witness)
    record.enter_phase(Phase.OPERATIONS, 600.0)
    quiet = Perturber("none", Files(files=frozenset()))
    crew = Crew(scenario, None, random.Random(1), record, slots, witness, quiet)
    try:
        began = time.process_time()
        crew.start()
        crew.wait_done(lambda: record.stop_asked, slots.main.beat)
        crew.join()
        took = time.process_time() - began
    finally:
        author.set_witness(before)
    operations, _accepted, _refused = record.totals()
    if operations != ROUNDS:
        raise RuntimeError(f"expected {ROUNDS} operations, counted {operations}")
    return took / ROUNDS * 1e6


def _bare(rounds: int, call: Callable[[None, random.Random], object] = _nothing) -> float:
    """Microseconds per turn of a thread's loop that only calls."""
    rng = random.Random(1)

    def work() -> None:
        for _ in range(rounds):
            call(None, rng)

    thread = threading.Thread(target=work)
    began = time.process_time()
    thread.start()
    thread.join()
    return (time.process_time() - began) / rounds * 1e6
