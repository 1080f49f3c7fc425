"""The verdict, and the last words of a run: what it found, what it proved, what it did not."""

from __future__ import annotations

import shlex
from pathlib import Path

from soak.detect.words import amount, duration, printable
from soak.events import Isolation, Kind, Verdict
from soak.findings.statistics import percent, zero_failure_bound
from soak.report.fold import Progress
from soak.report.rows import FindingRow, ScenarioRow

_HEADLINES = {
    Verdict.CLEAN: "CLEAN: nothing was found",
    Verdict.UNPROVEN: "UNPROVEN: nothing was found, and not all was proved",
    Verdict.HARNESS_FAULT: "HARNESS FAULT: soak or a scenario file failed, which says nothing of the target",
    Verdict.CANNOT_RUN: "CANNOT RUN: the machine ended the run",
    Verdict.INTERRUPTED: "INTERRUPTED",
}


def verdict(progress: Progress) -> Verdict:
    """What the run says. Findings of the target come first; a machine's fault is a finding, never clean."""
    kinds = progress.kinds()
    if any(kind is not Kind.HARNESS for kind in kinds):
        return Verdict.FINDINGS
    if kinds:
        return Verdict.HARNESS_FAULT
    if not progress.scenarios or progress.unproven:
        return Verdict.UNPROVEN
    return Verdict.CLEAN


def closing_text(progress: Progress, verdict: Verdict, *, out: Path) -> str:
    """The last words of a run, for people, without a newline at the end."""
    blocks = [
        _headline(progress, verdict),
        _proved(progress),
        _found(progress, out),
        _unproven(progress),
        _skipped(progress),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def repro_line(finding: str, out: Path) -> str:
    """The command that brings a finding back."""
    where = "" if out == Path(".soak") else f" --out {shlex.quote(str(out))}"
    return f"soak repro {finding}{where}"


def ordered(progress: Progress) -> list[FindingRow]:
    """The findings, the worst kind first, then the most frequent."""
    rank = list(Kind)
    return sorted(progress.findings.values(), key=lambda row: (rank.index(row.kind), -row.hits, row.id))


def say_kinds(progress: Progress) -> str:
    """``2 crash, 1 leak``; ``none``."""
    return ", ".join(f"{count} {kind.value}" for kind, count in progress.kinds().items()) or "none"


def _headline(progress: Progress, verdict: Verdict) -> list[str]:
    count = len(progress.findings)
    if verdict is Verdict.FINDINGS:
        head = f"FINDINGS: {count} finding{'s' * (count != 1)} ({say_kinds(progress)})"
    else:
        head = _HEADLINES[verdict]
        if count and verdict is not Verdict.HARNESS_FAULT:
            head += f"; {count} finding{'s' * (count != 1)} so far ({say_kinds(progress)})"
    line = f"{head}, in {duration(progress.elapsed)}"
    if progress.started:
        line += f" (run {progress.started.run}, seed {progress.started.seed})"
    lines = [line]
    if progress.ended and verdict in (Verdict.CANNOT_RUN, Verdict.INTERRUPTED) and progress.ended.reason:
        lines.append(f"  {progress.ended.reason}")
    if progress.started and progress.ended is None:
        lines.append("  the stream has no end: the run was killed, or is still going on")
    return lines


def _proved(progress: Progress) -> list[str]:
    rows = [row for row in progress.scenarios.values() if row.tries]
    if not rows:
        return ["Proved: nothing, for no iteration was finished"]
    width = max(len(row.name) for row in rows)
    lines = [f"Proved, with 95 % confidence{_isolated(progress)}:"]
    for row in rows:
        lines.append(f"  {row.name:<{width}}  {_proof(row)}")
        lines += [
            f"  {'':<{width}}  {what}: {amount(took.count)} times, {took}" for what, took in row.took.items()
        ]
    return lines


def _isolated(progress: Progress) -> str:
    started = progress.started
    alone = started is not None and started.isolation is Isolation.ITERATION
    return ", each iteration in a fresh process" if alone else ""


def _proof(row: ScenarioRow) -> str:
    counts = row.counts
    bound = percent(zero_failure_bound(row.tries))
    what = "any other failure" if row.findings else "a failure"
    refused = f", {100 * counts.refused / counts.operations:.0f} % refused" if counts.operations else ""
    return (
        f"{row.tries} iteration{'s' * (row.tries != 1)}, {amount(counts.operations)} operations{refused}: "
        f"{what} comes in at most {bound} % of iterations"
    )


def _found(progress: Progress, out: Path) -> list[str]:
    if not progress.findings:
        return []
    lines = ["Findings:"]
    for row in ordered(progress):
        lines += ["  " + line for line in finding_lines(progress, row, out)]
    return lines


def finding_lines(progress: Progress, row: FindingRow, out: Path) -> list[str]:
    """A finding in two lines, and the line that brings it back."""
    marks = [word for word, is_set in (("shutdown", row.shutdown), ("tainted", row.tainted)) if is_set]
    kind = " ".join([*marks, row.kind.value])
    known = "" if row.new else ", known from before"
    rate = row.say_rate(progress.tries_of(row))
    times = f"sighted {row.count} time{'s' * (row.count != 1)}" + (
        f", rate per iteration {rate}" if rate else ""
    )
    kept = f"; evidence in {out / row.path}" if row.path else "; no evidence could be kept"
    scenarios = ", ".join(sorted(row.scenarios - {""}))
    anywhere = [f"    elsewhere: {printable(row.anywhere)}"] if row.anywhere else []
    return [
        f"{row.id}  {printable(row.title)}",
        f"    {kind}{f' in {scenarios}' if scenarios else ''}{known}, {times}{kept}",
        f"    {repro_line(row.id, out)}",
        *anywhere,
    ]


def _unproven(progress: Progress) -> list[str]:
    reasons = [f"  {name}: {reason}" for name, all_ in progress.unproven.items() for reason in all_]
    return ["Unproven:", *reasons] if reasons else []


def _skipped(progress: Progress) -> list[str]:
    skips = [f"  {skip.scenario}: {skip.reason}; {skip.remedy}" for skip in progress.skipped]
    return ["Skipped:", *skips] if skips else []
