"""One iteration: set-up, operations, rest, checks, teardown.

Standard library only.
"""

from __future__ import annotations

import contextlib
import random
import sys
import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from soak.author import Scenario
from soak.events import Phase
from soak.flight import Flight
from soak.worker.crew import Crew
from soak.worker.history import Historian
from soak.worker.perturb import Perturber
from soak.worker.promises import look
from soak.worker.slots import Slots
from soak.worker.witness import WorkerWitness


class Unusable(Exception):
    """The scenario cannot be run as it is written: the user's mistake, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every iteration of a worker works with. ``hang_after`` in seconds."""

    seed: int
    scenario: Scenario
    target: Any
    hang_after: float
    flight: Flight
    slots: Slots
    witness: WorkerWitness
    perturber: Perturber
    historian: Historian


@contextlib.contextmanager
def in_phase(desk: Desk, phase: Phase, limit: float | None = None) -> Iterator[None]:
    """The main thread is in ``phase``, which may take ``limit`` seconds, or as long as a hang."""
    desk.flight.enter_phase(phase, desk.hang_after if limit is None else limit)
    desk.slots.main.enter(desk.slots.label(phase.value))
    try:
        yield
    finally:
        desk.slots.main.leave()


def run_iteration(desk: Desk, number: int) -> bool:
    """Run iteration ``number``; returns whether it was a whole one: not ended by a finding or a stop.

    Raises:
        Unusable: the scenario's set-up is no generator that yields once.
    """
    witness = desk.witness
    witness.begin_iteration(number)
    desk.historian.begin()
    rng = random.Random(f"{desk.seed}:{desk.scenario.name}:{number}")
    with in_phase(desk, Phase.SET_UP):
        course = _begin(desk, random.Random(rng.getrandbits(64)))
        state = _set_up(desk, course)
    if witness.has_found():
        return False
    crew = Crew(desk.scenario, state, rng, desk.flight, desk.slots, witness, desk.perturber)
    with in_phase(desk, Phase.OPERATIONS, desk.scenario.seconds + desk.hang_after):
        desk.perturber.activate(f"{desk.seed}:{desk.scenario.name}:{number}")
        _operate(desk, crew)
    with in_phase(desk, Phase.REST):
        rested = crew.join()
        desk.perturber.deactivate()
    if not rested:  # threads of a broken target still run: what follows would tell nothing new
        return False
    if not witness.has_found():
        with in_phase(desk, Phase.CHECKS):
            for check in desk.scenario.checks:
                look(witness, check.promise, check.holds, state)
            desk.historian.judge()
    with in_phase(desk, Phase.TEARDOWN):
        _tear_down(desk, course)
    return not witness.has_found()


def _operate(desk: Desk, crew: Crew) -> None:
    try:
        crew.start()
    except (RuntimeError, OSError) as error:  # no more threads or processes: most likely the target's doing
        desk.witness.report_raised(error)
    crew.wait_done(lambda: desk.flight.stop_asked, desk.slots.main.beat)


def _begin(desk: Desk, rng: random.Random) -> Generator[Any, None, None] | None:
    try:
        course: object = desk.scenario.set_up(desk.target, rng)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
        desk.witness.report_raised(error)
        return None
    if not isinstance(course, Generator):
        raise Unusable(
            f"scenario {desk.scenario.name!r}: expected a generator that yields the state once, "
            f"got a function that returns {type(course).__name__}; put a `yield` between set-up and teardown"
        )
    return course


def _set_up(desk: Desk, course: Generator[Any, None, None] | None) -> Any:
    if course is None:
        return None
    try:
        return next(course)
    except StopIteration:
        raise Unusable(
            f"scenario {desk.scenario.name!r}: expected one `yield` between set-up and teardown, but the "
            "generator ended without"
        ) from None
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
        desk.witness.report_raised(error)
        return None


def _tear_down(desk: Desk, course: Generator[Any, None, None] | None) -> None:
    if course is None:
        return
    try:
        next(course)
    except StopIteration:
        return
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
        if desk.witness.has_found():  # most likely the consequence of what was found: kept as text
            traceback.print_exception(error, file=sys.stderr)
        else:
            desk.witness.report_raised(error)
        return
    raise Unusable(
        f"scenario {desk.scenario.name!r}: expected one `yield` between set-up and teardown, but the "
        "generator yielded twice"
    )
