"""What the trials say: schedules to the first bug, seconds, replays, switches left. Pure functions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.detection.hunt import Hunt
from benchmarks.detection.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One contender at one kernel. ``median`` and ``p90`` count schedules to the first bug over ``hunts``
    seeds, and are infinite where so many found nothing; ``seconds`` is their median, ``shrinking`` that of
    the seconds spent on shrinking. ``shrunk``, ``switches`` and ``shrinks`` are the most of any hunt.

    A hunt whose time was over counts only where no other one came to an end: it had less time than they.
    """

    kernel: str
    contender: str
    hunts: int
    found: int
    median: float
    p90: float
    seconds: float
    ran: int
    replayed: float | None
    shrunk: int | None
    switches: int | None
    shrinks: int | None
    shrinking: float | None
    note: str


def score(trial: Trial) -> Score:
    """Fold a trial's hunts."""
    finished = [hunt for hunt in trial.hunts if hunt.found is not None or hunt.ended]
    counted = finished or list(trial.hunts)
    found = [hunt for hunt in counted if hunt.found is not None]
    firsts = [_first(hunt) for hunt in counted] or [math.inf]
    replays = sum(hunt.replays for hunt in found)
    return Score(
        kernel=trial.kernel,
        contender=trial.contender,
        hunts=len(counted),
        found=len(found),
        median=statistics.median_high(firsts),
        p90=nearest_rank(firsts, 0.9),
        seconds=statistics.median_high([hunt.seconds for hunt in counted] or [math.inf]),
        ran=sum(hunt.schedules for hunt in trial.hunts),
        replayed=sum(hunt.replayed for hunt in found) / replays if replays else None,
        shrunk=max((hunt.shrunk for hunt in found if hunt.shrunk is not None), default=None),
        switches=max((hunt.switches for hunt in found if hunt.switches is not None), default=None),
        shrinks=max((hunt.shrinks for hunt in found if hunt.shrinks is not None), default=None),
        shrinking=_median([hunt.shrinking for hunt in found if hunt.shrinking is not None]),
        note=trial.note or next((hunt.note for hunt in trial.hunts if hunt.note), ""),
    )


def nearest_rank(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _median(values: Sequence[float]) -> float | None:
    return statistics.median_high(values) if values else None


def _first(hunt: Hunt) -> float:
    return hunt.schedules if hunt.found is not None else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """soak's model mode against one other contender, kernel by kernel. ``missed`` were found by the other
    alone; ``schedules`` and ``seconds`` count the kernels on which soak's medians are at least as good.
    ``times`` says, smallest first, how many times soak's schedules the other took where it found the bug, but
    not in its very first."""

    contender: str
    kernels: int
    missed: tuple[str, ...]
    schedules: int
    seconds: int
    times: tuple[float, ...]


def compare(own: Sequence[Score], other: Sequence[Score]) -> Comparison:
    """Both lists are of the same kernels, in any order."""
    theirs = {score.kernel: score for score in other}
    pairs = [(score, theirs[score.kernel]) for score in own if score.kernel in theirs]
    return Comparison(
        contender=other[0].contender,
        kernels=len(pairs),
        missed=tuple(mine.kernel for mine, their in pairs if their.found and not mine.found),
        schedules=sum(mine.median <= their.median for mine, their in pairs),
        seconds=sum(mine.seconds <= their.seconds or not their.found for mine, their in pairs),
        times=tuple(
            sorted(
                their.median / mine.median
                for mine, their in pairs
                if math.isfinite(their.median) and their.median > 1 and math.isfinite(mine.median)
            )
        ),
    )
