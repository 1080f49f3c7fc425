"""The nights as rows, and one finding's rate in each of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from soak.detect.words import amount, duration, printable
from soak.findings.morning import COUNTED
from soak.findings.nights import Told
from soak.findings.standing import Judged, Standing
from soak.findings.statistics import exact_interval, percent, say_chance, zero_failure_bound
from soak.report.morning import mark

_COMMIT = 8


def nights_text(nights: Sequence[Told]) -> str:
    """One line for each night, without a newline at the end."""
    head = ("when", "commit", "iterations", *(standing.name for standing in COUNTED), "accepted", "verdict")
    return _table([(*head, "rate bound"), *(_row(each) for each in nights)])


def nights_document(nights: Sequence[Told]) -> list[dict[str, Any]]:
    """The nights for machines; ``findings`` names them by their standing."""
    return [
        {
            "run": each.night.run.name,
            "t": each.night.run.started,
            "seconds": each.night.run.seconds,
            "commit": each.night.environment.get("git", ""),
            "iterations": each.night.tries,
            "findings": {
                standing.value: [one.finding for one in each.morning.counted(standing)]
                for standing in Standing
            },
            "accepted": [one.finding for one in each.morning.accepted if one.came],
            "verdict": each.night.run.verdict.value if each.night.run.verdict else None,
            "rate_bound": zero_failure_bound(each.night.tries),
        }
        for each in nights
    ]


def finding_text(finding: str, title: str, nights: Sequence[Told]) -> str:
    """One line for each night that has something to say of the finding."""
    rows = [_finding_row(each, judged) for each, judged in _concerned(finding, nights)]
    return f"{finding}  {printable(title)}\n{_table(rows)}"


def finding_document(finding: str, nights: Sequence[Told]) -> list[dict[str, Any]]:
    """The same for machines; ``interval`` is the exact one, null where there is no rate per iteration."""
    return [
        {
            "run": each.night.run.name,
            "t": each.night.run.started,
            "commit": each.night.environment.get("git", ""),
            "standing": judged.standing.value,
            "accepted": judged.accepted.because if judged.accepted else None,
            "hits": judged.now.hits,
            "tries": judged.now.tries,
            "seconds": judged.now.seconds,
            "interval": None if judged.timed else list(exact_interval(judged.now.hits, judged.now.tries)),
            "p": judged.p,
        }
        for each, judged in _concerned(finding, nights)
    ]


def _concerned(finding: str, nights: Sequence[Told]) -> list[tuple[Told, Judged]]:
    said = [(each, each.morning.of(finding)) for each in nights]
    return [(each, judged) for each, judged in said if judged]


def _row(told: Told) -> tuple[str, ...]:
    night, morning = told.night, told.morning
    counts = [str(len(morning.counted(standing)) or "–") for standing in COUNTED]
    accepted = sum(each.came for each in morning.accepted)
    verdict = night.run.verdict.value if night.run.verdict else "no end"
    bound = f"{percent(zero_failure_bound(night.tries))} %"
    return (*_begin(told), amount(night.tries), *counts, str(accepted or "–"), verdict, bound)


def _finding_row(told: Told, judged: Judged) -> tuple[str, ...]:
    chance = say_chance(judged.p) if judged.p is not None else ""
    return (*_begin(told), _rate(judged), mark(judged), chance)


def _begin(told: Told) -> tuple[str, str]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(told.night.run.started))
    commit, _, changed = told.night.environment.get("git", "").partition(" ")
    return when, f"{commit[:_COMMIT]}{'+' if changed else ''}" or "–"


def _rate(judged: Judged) -> str:
    now = judged.now
    if judged.timed:
        return f"{now.hits} in {duration(now.seconds)}"
    low, high = (percent(rate) for rate in exact_interval(now.hits, now.tries))
    share = percent(now.hits / now.tries) if now.tries else "–"
    return f"{now.hits}/{now.tries} ({share} %, exactly {low}–{high} %)"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
