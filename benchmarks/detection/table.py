"""The scores as a table in Markdown, the published medians beside them, and what it comes to in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from benchmarks.detection.kernels import KERNELS
from benchmarks.detection.score import Score, compare

OWN = "soak.race"
#: Times as many executions as soak's schedules that a plain loop is to need.
MANY = 1000


def table(scores: Sequence[Score]) -> str:
    """A row for each kernel, a column for each contender."""
    names = list(dict.fromkeys(score.contender for score in scores))
    cells = {(score.kernel, score.contender): score for score in scores}
    kernels = [name for name in KERNELS if any(score.kernel == name for score in scores)]
    own = (
        [f"{OWN}: seconds", "preemptions (switches) left", "replays to shrink", "seconds to shrink"]
        if OWN in names
        else []
    )
    head = ["kernel", *names, *own, "published: POS / PCT3 / RFF"]
    rows = [head, ["---"] * len(head)]
    for kernel in kernels:
        mine = cells.get((kernel, OWN))
        rows.append(
            [
                kernel,
                *(cell(cells.get((kernel, name))) for name in names),
                *(_own(mine) if own else []),
                str(KERNELS[kernel].published or ""),
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def cell(score: Score | None) -> str:
    """Median and 90th percentile of the schedules to the first bug; the executions that showed none."""
    if score is None:
        return ""
    if not score.found:
        return f"none in {score.ran}" if score.ran else "none"
    return f"{_count(score.median)} / {_count(score.p90)}"


def words(scores: Sequence[Score]) -> str:
    """A line for each contender: what it found, and how soak's model mode stands beside it."""
    lines = []
    names = list(dict.fromkeys(score.contender for score in scores))
    own = [score for score in scores if score.contender == OWN]
    for name in names:
        these = [score for score in scores if score.contender == name]
        lines.append(_line(name, these) + (_beside(own, these) if own and name != OWN else "") + ".")
    return "\n".join(lines)


def _line(name: str, these: Sequence[Score]) -> str:
    found = [score for score in these if score.found]
    text = f"- **{name}** found {len(found)} of {len(these)}"
    if found:
        medians = [score.median for score in found]
        text += f", the median of their medians {_count(statistics.median_high(medians))} schedules"
    rates = [score.replayed for score in found if score.replayed is not None]
    if rates:
        text += f", replayed {100 * statistics.fmean(rates):.0f} %"
    return text


def _beside(own: Sequence[Score], these: Sequence[Score]) -> str:
    result = compare(own, these)
    more = ""
    if result.times:
        enough = sum(times >= MANY for times in result.times)
        more = (
            f"; it took {_count(statistics.median(result.times))} times as many in the median, "
            f"{MANY} times or more on {enough} of {len(result.times)}"
        )
    missed = f"; it alone found {', '.join(result.missed)}" if result.missed else ""
    return (
        f"; {OWN} needs no more schedules on {result.schedules} of {result.kernels}, "
        f"no more seconds on {result.seconds}{more}{missed}"
    )


def _count(value: float) -> str:
    return "–" if math.isinf(value) else f"{value:.0f}"


def _own(score: Score | None) -> list[str]:
    """What is told of soak's model mode alone; the seconds to shrink are a median, all else is the most."""
    if score is None:
        return [""] * 4
    left = "" if score.shrunk is None else f"{score.shrunk} ({score.switches})"
    shrinks = "" if score.shrinks is None else str(score.shrinks)
    return [_seconds(score.seconds), left, shrinks, _seconds(score.shrinking)]


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None or math.isinf(seconds) else f"{seconds:.2f}"
