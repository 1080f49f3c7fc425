"""Work in threads, subinterpreters and processes is cancelled in every way, wherever it is."""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import soak
from soak.targets.cancel_cells import Cause, Cell, Place, Vehicle, state

if TYPE_CHECKING:
    from soak.targets.cancel_host import CancelHost

AS_STATED = "a cell of the matrix ends as it is stated, within its bound"
#: Seconds without a beat: the host beats while it waits for a cell, but not while the system makes a process.
HANG_AFTER_S = 30.0

#: The 18 pairs of place and vehicle: each is stated to end in one way, whatever the cause.
PAIRS = [(place, vehicle) for place in Place for vehicle in Vehicle]
#: Where a cancel can get lost comes twice as often.
DECK = PAIRS + [pair for pair in PAIRS if pair[0] in (Place.SPAWN, Place.SHIELD)]
#: What a person does most comes most often.
CAUSES = [*Cause, Cause.SIGINT]


@dataclass(slots=True, kw_only=True)
class Deck:
    """An iteration's host, and the order in which its pairs come."""

    host: CancelHost
    pairs: list[tuple[Place, Vehicle]]


@soak.scenario(seconds=2.0, target="soak.targets.cancel_host:CancelHost", threads=2, hang_after=HANG_AFTER_S)
def cancellation(target: Any, rng: random.Random) -> Generator[Deck, None, None]:
    """Every cell of {cause} × {place} × {vehicle} ends within its bound, by itself or by its stated kill.

    Each cell is a process of its own, so that nothing in a cell can wedge the host. What CPython cannot end
    is a known limit, which the report names beside the time that its cells took. `python -m
    soak.targets.cancel_host` runs all 72 cells and prints the table.
    """
    yield Deck(host=target(), pairs=rng.sample(DECK, len(DECK)))


met = {
    (place, vehicle): cancellation.sometimes(f"{place.value}, in a {vehicle.value}")
    for place, vehicle in PAIRS
}
cancelled = {cause: cancellation.sometimes(f"cancelled by {cause.value}") for cause in Cause}


@cancellation.operation()
def cancel(deck: Deck, rng: random.Random) -> object:
    """One cell; at spawn, the cancel comes at any moment of it."""
    place, vehicle = deck.pairs.pop() if deck.pairs else rng.choice(DECK)
    cell = Cell(rng.choice(CAUSES), place, vehicle)
    outcome = deck.host.run(cell, delay=rng.choice((0.0, rng.uniform(0.0, 0.1))))
    stated = state(place, vehicle)
    soak.always(outcome.as_stated, AS_STATED, cell=str(cell), outcome=outcome, stated=stated)
    soak.took(f"{place.value}, {vehicle.value}: {stated}", outcome.seconds)
    met[place, vehicle]()
    cancelled[cell.cause]()
    return None
