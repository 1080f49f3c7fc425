"""One measured line of the table: what came out, beside what was to be reached."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a measurement is given: an empty folder of its own, and whether to take its time."""

    folder: Path
    long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The values of ``runs`` repetitions in ``unit``, as smallest, median and largest.

    ``target`` is what is to be reached, in words, or "" for a figure that only stands beside another; ``ok``
    whether it was. ``note`` is one line on how to read it.
    """

    what: str
    low: float
    median: float
    high: float
    runs: int
    unit: str
    target: str = ""
    ok: bool = True
    note: str = ""


def row(
    what: str, values: Sequence[float], unit: str, *, target: str = "", ok: bool = True, note: str = ""
) -> Row:
    """The row of all ``values``."""
    return Row(
        what=what,
        low=min(values),
        median=statistics.median(values),
        high=max(values),
        runs=len(values),
        unit=unit,
        target=target,
        ok=ok,
        note=note,
    )


def at_most(what: str, values: Sequence[float], limit: float, unit: str, *, note: str = "") -> Row:
    """A row whose median may be ``limit`` at most: on a shared machine a single value says little."""
    ok = statistics.median(values) <= limit
    return row(what, values, unit, target=f"≤ {limit:g} {unit}", ok=ok, note=note)


def at_worst(what: str, values: Sequence[float], limit: float, unit: str, *, note: str = "") -> Row:
    """A row whose every value may be ``limit`` at most."""
    return row(what, values, unit, target=f"≤ {limit:g} {unit}", ok=max(values) <= limit, note=note)
