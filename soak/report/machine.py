"""The document of ``--json``: one JSON object for machines, with what the closing text tells people."""

from __future__ import annotations

from typing import Any

from soak.events import Verdict, to_plain
from soak.findings.morning import Morning
from soak.findings.statistics import wilson, zero_failure_bound
from soak.report.fold import Progress
from soak.report.morning import document as morning_document
from soak.report.proof import proof_document
from soak.report.rows import FindingRow, ScenarioRow
from soak.report.verdict import ordered
from soak.timing import Took

#: Raised when a field changes its meaning or goes away; new fields do not count.
LAYOUT = 1


def document(progress: Progress, verdict: Verdict, morning: Morning | None = None) -> dict[str, Any]:
    """The run as JSON's own types. Rates are per iteration, between 0 and 1; durations are seconds.

    ``morning`` is what the earlier nights make of it, null where there is no memory to ask.
    """
    started = progress.started
    totals = progress.totals
    return {
        "layout": LAYOUT,
        "verdict": verdict.value,
        "reason": progress.ended.reason if progress.ended else "",
        "run": started.run if started else "",
        "seed": started.seed if started else None,
        "isolation": started.isolation.value if started else "",
        "seconds": round(progress.elapsed, 3),
        "iterations": totals.iterations,
        "operations": totals.operations,
        "accepted": totals.accepted,
        "refused": totals.refused,
        "scenarios": [_scenario(row) for row in progress.scenarios.values()],
        "findings": [_finding(progress, row, morning) for row in ordered(progress)],
        "morning": morning_document(morning, progress.elapsed) if morning else None,
        "skipped": [
            {"scenario": skip.scenario, "reason": skip.reason, "remedy": skip.remedy}
            for skip in progress.skipped
        ],
        "unproven": [
            {"scenario": name, "reasons": list(reasons)} for name, reasons in progress.unproven.items()
        ],
        "notes": [note.text for note in progress.notes],
        "environment": dict(progress.environment),
    }


def _scenario(row: ScenarioRow) -> dict[str, Any]:
    counts = row.counts
    return {
        "scenario": row.name,
        "iterations": counts.iterations,
        "tries": row.tries,
        "operations": counts.operations,
        "accepted": counts.accepted,
        "refused": counts.refused,
        "workers": row.workers,
        "rate_bound": zero_failure_bound(row.tries),
        **proof_document(row),
        "sometimes": row.sometimes,
        "took": {what: _took(took) for what, took in row.took.items()},
        "findings": sorted(row.findings),
    }


def _took(took: Took) -> dict[str, Any]:
    return {"count": took.count, "p50": took.at(0.5), "p99": took.at(0.99), "max": took.longest}


def _finding(progress: Progress, row: FindingRow, morning: Morning | None) -> dict[str, Any]:
    judged = morning.of(row.id) if morning else None
    tries = progress.tries_of(row)
    has_rate = bool(row.say_rate(tries))
    hits = min(row.hits, tries)
    return {
        "finding": row.id,
        "kind": row.kind.value,
        "title": row.title,
        "detail": row.detail,
        "new": row.new,
        "standing": judged.standing.value if judged else None,
        "accepted": judged.accepted.because if judged and judged.accepted else None,
        "tainted": row.tainted,
        "shutdown": row.shutdown,
        "scenarios": sorted(row.scenarios),
        "broken_as": dict(row.broken_as),
        "count": row.count,
        "hits": row.hits,
        "tries": tries,
        "rate": hits / tries if has_rate else None,
        "interval": list(wilson(hits, tries)) if has_rate else None,
        "evidence": row.path,
        "missing": dict(row.missing),
        "repro": f"soak repro {row.id}",
        "probably_same": [to_plain(likely) for likely in progress.probably_same(row)],
        "repro_elsewhere": row.anywhere,
    }
