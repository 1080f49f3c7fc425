"""What the morning says, for people and for machines: the first line, marks, what is gone or was not seen."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import Any

from soak.detect.words import duration, printable
from soak.findings.memory import Acceptance
from soak.findings.morning import COUNTED, Morning
from soak.findings.standing import Judged, Standing
from soak.findings.statistics import CONFIDENCE, more_tries, percent, say_chance
from soak.findings.trials import Tally


class FailOn(enum.StrEnum):
    """Which findings make a run fail. ``worse``: what is new as well."""

    NEW = "new"
    WORSE = "worse"
    ANY = "any"


_FAILING = {
    FailOn.NEW: (Standing.NEW,),
    FailOn.WORSE: (Standing.NEW, Standing.WORSE),
    FailOn.ANY: (Standing.NEW, Standing.WORSE, Standing.KNOWN),
}


def silent(morning: Morning | None, fail_on: FailOn) -> frozenset[str]:
    """The findings that came and do not make the run fail: accepted ones, and what nobody asked for.

    A finding of which the morning does not know does make it fail.
    """
    judged = morning.judged if morning else ()
    return frozenset(
        each.finding
        for each in judged
        if each.came and (each.accepted or each.standing not in _FAILING[fail_on])
    )


def mark(judged: Judged | None) -> str:
    """``NEW``, ``WORSE``, ``KNOWN``, ``accepted``; nothing where nobody knows."""
    if judged is None:
        return ""
    return "accepted" if judged.accepted else judged.standing.name


def remark(judged: Judged) -> str:
    """What a finding that came is compared with, and why it is silent."""
    words = []
    if judged.returned:
        words.append(f"it was gone: {_rate(judged.before, judged.timed)} until now")
    elif judged.standing is not Standing.NEW:
        if judged.recent_nights > 1:
            words.append(f"{_rate(judged.recent, judged.timed)} in the last {judged.recent_nights} nights")
        words.append(f"before: {_rate(judged.before, judged.timed)} in {_nights(judged)}")
    if judged.p is not None:
        words.append(say_chance(judged.p))
    if judged.accepted:
        worse = "; WORSE than before" if judged.standing is Standing.WORSE else ""
        words.append(f"accepted because {printable(judged.accepted.because)}{worse}")
    return ", ".join(words)


def standing_words(judged: Judged, accepted: Acceptance | None) -> list[str]:
    """What a night said of one finding, and why it is silent by now; a line each."""
    told = remark(dataclasses.replace(judged, accepted=None)) if judged.came else _absence(judged)
    lines = [f"{judged.standing.name}: {told}" if told else judged.standing.name]
    if accepted is not None:
        stale = f"; stale: soak accept {judged.finding} --undo" if judged.standing is Standing.GONE else ""
        lines.append(f"accepted because {printable(accepted.because)}{stale}")
    return lines


def absent_lines(morning: Morning, elapsed: float) -> list[str]:
    """The findings that did not come: those that are gone, and those of which that proves nothing yet.

    ``elapsed`` is how long the run took, in seconds.
    """
    gone = [each for each in morning.judged if each.standing is Standing.GONE]
    unseen = [each for each in morning.judged if each.standing is Standing.UNSEEN]
    lines = ["Gone:"] if gone else []
    for each in gone:
        lines += [f"  {each.finding}  {printable(each.title)}", f"      {_absence(each)}"]
        if each.accepted:
            lines.append(f"      its acceptance is stale: soak accept {each.finding} --undo")
    lines += ["Not seen, which may be chance:"] if unseen else []
    for each in unseen:
        lines += [f"  {each.finding}  {printable(each.title)}", f"      {_absence(each)}"]
        if (more := more_hours(each, elapsed)) is not None:
            lines.append(f"      {_more(each, more)}")
    return lines


def more_hours(judged: Judged, elapsed: float) -> float | None:
    """How many more hours of such runs, which try as much in as much time as this one of ``elapsed`` seconds,
    would show a finding with 95 % confidence, if it still comes at its earlier rate; None where nothing was
    tried."""
    now, before = judged.now, judged.before
    if judged.timed:
        if not (now.seconds and before.seconds and before.hits):
            return None
        needed = -math.log(1 - CONFIDENCE) * before.seconds / before.hits
        return max(0.0, needed - judged.quiet.seconds) * elapsed / now.seconds / 3600
    if not (now.tries and before.tries and before.hits):
        return None
    return more_tries(before.hits / before.tries, judged.quiet.tries) * elapsed / now.tries / 3600


def document(morning: Morning, elapsed: float) -> dict[str, Any]:
    """The morning as JSON's own types: the first line, its counts, and every finding of which it speaks."""
    return {
        "headline": morning.headline(),
        "counts": {standing.value: len(morning.counted(standing)) for standing in COUNTED},
        "accepted": sum(each.came for each in morning.accepted),
        "findings": [_judged(each, elapsed) for each in morning.judged],
    }


def _judged(judged: Judged, elapsed: float) -> dict[str, Any]:
    return {
        "finding": judged.finding,
        "kind": judged.kind.value,
        "title": judged.title,
        "standing": judged.standing.value,
        "returned": judged.returned,
        "scenarios": sorted({place.scenario for place in judged.places}),
        "now": _tally(judged.now),
        "recent": {**_tally(judged.recent), "nights": judged.recent_nights},
        "before": {**_tally(judged.before), "nights": judged.nights},
        "quiet": _tally(judged.quiet),
        "p": judged.p,
        "more_hours": more_hours(judged, elapsed) if judged.standing is Standing.UNSEEN else None,
        "accepted": judged.accepted.because if judged.accepted else None,
        "stale": judged.stale,
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {"hits": tally.hits, "tries": tally.tries, "seconds": round(tally.seconds, 3)}


def _absence(judged: Judged) -> str:
    return (
        f"{_rate(judged.quiet, judged.timed)} since it was last seen, "
        f"{_rate(judged.before, judged.timed)} in {_nights(judged)} before: {say_chance(judged.p or 0.0)}"
    )


def _more(judged: Judged, hours: float) -> str:
    if hours == 0:
        return "at that rate it should have come with 95 % confidence, but the rate is no better known"
    what = (
        "its earlier rate" if judged.timed else f"its {percent(judged.before.hits / judged.before.tries)} %"
    )
    return f"{duration(hours * 3600)} more of such runs to see {what} with 95 % confidence"


def _rate(tally: Tally, timed: bool) -> str:
    """``14/2520 (0.56 %)``; where only time counts, ``3 in 2 h 05 min``."""
    if timed:
        return f"{tally.hits} in {duration(tally.seconds)}"
    share = f" ({percent(tally.hits / tally.tries)} %)" if tally.hits and tally.tries else ""
    return f"{tally.hits}/{tally.tries}{share}"


def _nights(judged: Judged) -> str:
    return f"{judged.nights} night{'s' * (judged.nights != 1)}"
