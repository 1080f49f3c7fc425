"""The verdict, and the last words of a run: what it found, what it proved, what it did not."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path

from soak.detect.words import duration, printable
from soak.events import Isolation, Kind, Verdict
from soak.findings.morning import Morning
from soak.findings.standing import Judged
from soak.report.fold import Progress
from soak.report.morning import absent_lines, mark, remark
from soak.report.proof import proof_lines
from soak.report.rows import FindingRow

_HEADLINES = {
    Verdict.CLEAN: "CLEAN: nothing was found",
    Verdict.UNPROVEN: "UNPROVEN: nothing was found, and not all was proved",
    Verdict.HARNESS_FAULT: "HARNESS FAULT: soak or a scenario file failed, which says nothing of the target",
    Verdict.CANNOT_RUN: "CANNOT RUN: the machine ended the run",
    Verdict.INTERRUPTED: "INTERRUPTED",
}

#: Of the findings that are probably the same as one, so many are told below it; `soak show` tells all.
_LIKELY_SHOWN = 3


def verdict(progress: Progress, *, silent: Collection[str] = ()) -> Verdict:
    """What the run says. Findings of the target come first; a machine's fault is a finding, never clean.

    ``silent`` are findings that do not count: somebody has accepted them, or did not ask for known ones.
    """
    kinds = {row.kind for row in progress.findings.values() if row.id not in silent}
    if any(kind is not Kind.HARNESS for kind in kinds):
        return Verdict.FINDINGS
    if kinds:
        return Verdict.HARNESS_FAULT
    if not progress.scenarios or progress.unproven:
        return Verdict.UNPROVEN
    return Verdict.CLEAN


def closing_text(
    progress: Progress, verdict: Verdict, *, out: Path, morning: Morning | None = None, exits: str = ""
) -> str:
    """The last words of a run, for people, without a newline at the end.

    ``morning`` is what the earlier nights make of it; ``exits`` says why the exit code is not the verdict's.
    """
    blocks = [
        _headline(progress, verdict, morning, exits),
        _proved(progress),
        _found(progress, out, morning),
        absent_lines(morning, progress.elapsed) if morning else [],
        _unproven(progress),
        _skipped(progress),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def repro_line(finding: str, out: Path) -> str:
    """The command that brings a finding back."""
    where = "" if out == Path(".soak") else f" --out {shlex.quote(str(out))}"
    return f"soak repro {finding}{where}"


def say_broken_as(counts: Mapping[str, int]) -> str:
    """``a step saw another model (3 times), a mutation was accepted (once)``: as what a guarantee was broken,
    the most frequent first."""
    told = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{printable(promise)} ({_times(count)})" for promise, count in told)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def ordered(progress: Progress) -> list[FindingRow]:
    """The findings, the worst kind first, then the most frequent."""
    rank = list(Kind)
    return sorted(progress.findings.values(), key=lambda row: (rank.index(row.kind), -row.hits, row.id))


def say_kinds(progress: Progress) -> str:
    """``2 crash, 1 leak``; ``none``."""
    return ", ".join(f"{count} {kind.value}" for kind, count in progress.kinds().items()) or "none"


def _headline(progress: Progress, verdict: Verdict, morning: Morning | None, exits: str) -> list[str]:
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
    news = morning.headline() if morning else ""
    lines = [news, line] if news else [line]
    lines += [f"  {exits}"] if exits else []
    if progress.ended and verdict in (Verdict.CANNOT_RUN, Verdict.INTERRUPTED) and progress.ended.reason:
        lines.append(f"  {progress.ended.reason}")
    if progress.started and progress.ended is None:
        lines.append("  the stream has no end: the run was killed, or is still going on")
    return lines


def _proved(progress: Progress) -> list[str]:
    rows = [row for row in progress.scenarios.values() if row.tries]
    if progress.started and progress.started.argv[:1] == ("explore",):
        # Schedules are searched, not drawn: from how many did not fail, no rate follows.
        explored = (f"  {row.name}  {row.tries} schedules of a few calls each" for row in rows)
        return ["Explored:", *explored]
    if not rows:
        return ["Proved: nothing, for no iteration was finished"]
    width = max(len(row.name) for row in rows)
    lines = [f"Proved, with 95 % confidence{_isolated(progress)}:"]
    for row in rows:
        first, *others = proof_lines(row)
        lines.append(f"  {row.name:<{width}}  {first}")
        lines += [f"  {'':<{width}}  {line}" for line in others]
    return lines


def _isolated(progress: Progress) -> str:
    started = progress.started
    alone = started is not None and started.isolation is Isolation.ITERATION
    return ", each iteration in a fresh process" if alone else ""


def _found(progress: Progress, out: Path, morning: Morning | None) -> list[str]:
    if not progress.findings:
        return []
    lines = ["Findings:"]
    for row in ordered(progress):
        judged = morning.of(row.id) if morning else None
        lines += ["  " + line for line in finding_lines(progress, row, out, judged)]
    return lines


def finding_lines(progress: Progress, row: FindingRow, out: Path, judged: Judged | None = None) -> list[str]:
    """A finding in two lines, marked as what it is to this night, and the line that brings it back."""
    marks = [word for word, is_set in (("shutdown", row.shutdown), ("tainted", row.tainted)) if is_set]
    kind = " ".join([*marks, row.kind.value])
    known = "" if row.new or judged else ", known from before"
    rate = row.say_rate(progress.tries_of(row))
    times = f"sighted {row.count} time{'s' * (row.count != 1)}" + (
        f", rate per iteration {rate}" if rate else ""
    )
    kept = f"; evidence in {out / row.path}" if row.path else "; no evidence could be kept"
    scenarios = ", ".join(sorted(row.scenarios - {""}))
    anywhere = [f"    elsewhere: {printable(row.anywhere)}"] if row.anywhere else []
    return [
        f"{row.id}  {f'{mark(judged)}  ' if judged else ''}{printable(row.title)}",
        f"    {kind}{f' in {scenarios}' if scenarios else ''}{known}, {times}{kept}",
        *([f"    {remark(judged)}"] if judged and remark(judged) else []),
        *([f"    broken as: {say_broken_as(row.broken_as)}"] if row.broken_as else []),
        *(f"    {likely.in_words()}" for likely in progress.probably_same(row)[:_LIKELY_SHOWN]),
        f"    {repro_line(row.id, out)}",
        *anywhere,
    ]


def _unproven(progress: Progress) -> list[str]:
    reasons = [f"  {name}: {reason}" for name, all_ in progress.unproven.items() for reason in all_]
    return ["Unproven:", *reasons] if reasons else []


def _skipped(progress: Progress) -> list[str]:
    skips = [f"  {skip.scenario}: {skip.reason}; {skip.remedy}" for skip in progress.skipped]
    return ["Skipped:", *skips] if skips else []
