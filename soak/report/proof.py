"""What a run has proved of one scenario: how much was tried, what it met, and what rate that leaves open."""

from __future__ import annotations

from typing import Any

from soak.detect.words import amount, duration
from soak.findings.statistics import exact_interval, mean_time_between, percent, zero_failure_bound
from soak.report.edges import edges, say_edges
from soak.report.rows import ScenarioRow


def proof_lines(row: ScenarioRow) -> list[str]:
    """The scenario's proof, with 95 % confidence throughout."""
    timed = [f"{what}: {amount(took.count)} times, {took}" for what, took in row.took.items()]
    return [_bound(row), *_often(row), *say_edges(row.sometimes), *timed]


def proof_document(row: ScenarioRow) -> dict[str, Any]:
    """The same for machines: rates between 0 and 1, times in seconds, None for what has no end."""
    mean, low, high = mean_time_between(row.hits, row.seconds)
    return {
        "hits": row.hits,
        "seconds": round(row.seconds, 3),
        "interval": list(exact_interval(min(row.hits, row.tries), row.tries)),
        "seconds_between": mean if row.hits else None,
        "seconds_between_interval": [low, high if row.hits else None],
        "edges": edges(row.sometimes),
    }


def _bound(row: ScenarioRow) -> str:
    counts = row.counts
    bound = percent(zero_failure_bound(row.tries))
    what = "any other failure" if row.findings else "a failure"
    refused = f", {100 * counts.refused / counts.operations:.0f} % refused" if counts.operations else ""
    return (
        f"{row.tries} iteration{'s' * (row.tries != 1)}, {amount(counts.operations)} operations{refused}: "
        f"{what} comes in at most {bound} % of iterations"
    )


def _often(row: ScenarioRow) -> list[str]:
    """How often something was found, with exact intervals (Clopper and Pearson's, Garwood's)."""
    if not row.seconds:
        return []
    mean, least, most = mean_time_between(row.hits, row.seconds)
    if not row.hits:
        return [f"no finding in {duration(row.seconds)}: at most one in {duration(least)}"]
    hits = min(row.hits, row.tries)
    low, high = (percent(rate) for rate in exact_interval(hits, row.tries))
    return [
        f"findings in {hits}/{row.tries} ({percent(hits / row.tries)} %, exactly {low}–{high} %), "
        f"one in {duration(mean)} ({duration(least)} to {duration(most)})"
    ]
