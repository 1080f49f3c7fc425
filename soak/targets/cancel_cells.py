"""The matrix of cancellation: what cancels, where the work is, what it runs in, and how that ends.

The statements are per version of CPython, since some ends are nobody's choice: see :func:`state`.
Standard library only.
"""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from itertools import product

from soak.targets.interpreters import OWN_GIL

VERSION = ".".join(map(str, sys.version_info[:2]))


class Cause(enum.Enum):
    """What cancels."""

    SIGINT = "SIGINT"
    SIGTERM = "SIGTERM"
    CANCEL = "programmatic cancel"
    CLOSED = "closed channel"


class Place(enum.Enum):
    """Where the work is when it is cancelled."""

    SPAWN = "at spawn"
    CALL = "mid-call"
    SHIELD = "inside a shielded section"
    LOOP = "in a loop without checkpoints"
    NATIVE = "in native code with the GIL released"
    HELD = "in native code with the GIL held"


class Vehicle(enum.Enum):
    """What the work runs in."""

    THREAD = "thread"
    INTERPRETER = "subinterpreter"
    PROCESS = "process"


class Ending(enum.Enum):
    """How a cell ends, from the best to the worst."""

    ITSELF = "ended by itself"
    HOST = "needed the kill: by its host"
    LADDER = "needed the kill: from outside"


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One combination of the three."""

    cause: Cause
    place: Place
    vehicle: Vehicle

    def __str__(self) -> str:
        return f"{self.cause.value} {self.place.value}, in a {self.vehicle.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """How a cell is to end, and ``why`` no better.

    ``grace`` is how many seconds the host gives the work to end by itself; ``within`` how many the host's
    process has for all, before somebody outside kills it. ``known_limit``: CPython's, not the host's.
    """

    ending: Ending
    why: str = ""
    known_limit: bool = False
    grace: float = 3.0
    within: float = 6.0

    def __str__(self) -> str:
        limit = f"known limit of CPython {VERSION}: " if self.known_limit else ""
        return f"{self.ending.value} ({limit}{self.why})" if self.why else self.ending.value


CELLS = tuple(Cell(*three) for three in product(Cause, Place, Vehicle))

_ITSELF = Statement(ending=Ending.ITSELF)
#: Work that is known not to end by itself gets little time for it.
_KILLED = Statement(ending=Ending.HOST, why="its process was killed", grace=0.3)
_GIVEN_UP = Statement(ending=Ending.HOST, why="its thread was told as leaked", grace=0.3)


def _starved(why: str) -> Statement:
    return Statement(ending=Ending.LADDER, why=why, known_limit=True, grace=0.3, within=0.6)


def state(place: Place, vehicle: Vehicle) -> Statement:
    """How work in this place and vehicle ends on this Python, whatever cancels it."""
    if place in (Place.SPAWN, Place.CALL, Place.SHIELD):
        return _ITSELF
    if vehicle is Vehicle.PROCESS:
        return _KILLED
    own_gil = vehicle is Vehicle.INTERPRETER and OWN_GIL
    if place is Place.HELD and not own_gil:
        return _starved("no handler runs while the GIL is held")
    if place is Place.LOOP and vehicle is Vehicle.INTERPRETER and not OWN_GIL:
        return _starved("a busy interpreter keeps the GIL")
    return _GIVEN_UP
