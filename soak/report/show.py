"""The texts of ``soak show``: all findings in short, or one with its newest evidence."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soak.events import to_plain
from soak.findings.faces import relatives
from soak.findings.finding import Finding, Reproducer, exact
from soak.findings.likeness import Likely
from soak.findings.nights import Latest
from soak.findings.recipe import anywhere
from soak.findings.statistics import say_rate
from soak.findings.store import Store
from soak.report.morning import standing_words
from soak.report.verdict import repro_line, say_broken_as

#: The evidence worth showing at once, with how many lines of it, from the head (+) or the tail (−).
_SHOWN = (
    ("story.txt", 120),
    ("token.txt", 1),
    ("native.txt", 80),
    ("fault.txt", 60),
    ("ring.txt", 80),
    ("stderr", -30),
    ("MUJOCO_LOG.TXT", -10),
    ("missing.txt", 10),
)

_NOTHING: Mapping[str, Latest] = {}


def findings_text(findings: Sequence[Finding], out: Path, latest: Mapping[str, Latest] = _NOTHING) -> str:
    """Findings in one line each; without a newline at the end."""
    if not findings:
        return f"no findings in {out}"
    width = max(len(finding.id) for finding in findings)
    marks = {finding.id: _mark(latest.get(finding.id)) for finding in findings}
    wide = max(len(mark) for mark in marks.values())
    return "\n".join(
        f"{finding.id:<{width}}  {finding.count:>5}×  {_day(finding.last_seen)}  "
        f"{marks[finding.id] + '  ' if wide else '':<{wide + 2 if wide else 0}}{finding.title}"
        for finding in findings
    )


def finding_text(store: Store, finding: Finding, out: Path, latest: Latest | None = None) -> str:
    """One finding with its newest occurrence; without a newline at the end."""
    folders = store.occurrences(finding.id)
    likely = relatives(store, [finding]).get(finding.id, ())
    blocks = ["\n".join(_head(finding, folders, out, likely, latest))]
    if folders:
        blocks += _evidence(_most_telling(folders))
    return "\n\n".join(blocks)


def finding_documents(
    store: Store, findings: list[Finding], latest: Mapping[str, Latest] = _NOTHING
) -> list[dict[str, Any]]:
    """Findings for machines: what is in their ``finding.json``, the folders of their occurrences, what is
    probably the same as each, and what the last night said of it."""
    likely = relatives(store, findings)
    return [
        _document(store, finding, likely.get(finding.id, ()), latest.get(finding.id)) for finding in findings
    ]


def finding_document(store: Store, finding: Finding, latest: Latest | None = None) -> dict[str, Any]:
    """As :func:`finding_documents`, for one."""
    return finding_documents(store, [finding], {finding.id: latest} if latest else _NOTHING)[0]


def _document(
    store: Store, finding: Finding, likely: tuple[Likely, ...], latest: Latest | None
) -> dict[str, Any]:
    return {
        **to_plain(finding),
        "occurrences": [str(folder) for folder in store.occurrences(finding.id)],
        "probably_same": [to_plain(each) for each in likely],
        "repro": f"soak repro {finding.id}",
        "standing": latest.judged.standing.value if latest else None,
        "standing_in": latest.night if latest else None,
        "accepted": latest.accepted.because if latest and latest.accepted else None,
    }


def _mark(latest: Latest | None) -> str:
    if latest is None:
        return ""
    return "accepted" if latest.accepted else latest.judged.standing.name


def _most_telling(folders: list[Path]) -> Path:
    """The newest occurrence with a native stack, which only the first ones have; else the newest."""
    return next((folder for folder in reversed(folders) if (folder / "native.txt").is_file()), folders[-1])


def _head(
    finding: Finding, folders: list[Path], out: Path, likely: tuple[Likely, ...], latest: Latest | None
) -> list[str]:
    marks = [
        word for word, is_set in (("shutdown", finding.shutdown), ("tainted", finding.tainted)) if is_set
    ]
    lines = [
        f"{finding.id}  {finding.title}",
        f"  {finding.detail}",
        f"  kind        {' '.join([*marks, finding.kind.value])}",
        f"  seen        {finding.count} time{'s' * (finding.count != 1)} in {len(finding.runs)} "
        f"run{'s' * (len(finding.runs) != 1)}, first {_day(finding.first_seen)}, "
        f"last {_day(finding.last_seen)}",
        *_standing(latest),
        f"  named by    {' | '.join(finding.parts)}",
        *([f"  broken as   {say_broken_as(finding.broken_as)}"] if finding.broken_as else []),
        *(f"  {each.in_words()}" for each in likely),
        *_reproducer(finding.reproducer),
        *(_reproducer(finding.schedule) if finding.schedule not in (None, finding.reproducer) else []),
        f"  brings back {repro_line(finding.id, out)}",
        f"  elsewhere   {anywhere(finding.id, finding.kind, exact(finding), Path.cwd())}",
    ]
    lines += [
        f"  measured    {say_rate(measured.hits, measured.tries)} on {_day(measured.t)}"
        for measured in finding.reproductions[-3:]
    ]
    if folders:
        lines.append(f"  evidence    {folders[-1]} (kept: {', '.join(folder.name for folder in folders)})")
    return lines


def _standing(latest: Latest | None) -> list[str]:
    if latest is None:
        return []
    first, *others = standing_words(latest.judged, latest.accepted)
    return [f"  last night  {first} (run {latest.night})", *(f"              {each}" for each in others)]


def _reproducer(reproducer: Reproducer | None) -> list[str]:
    if reproducer is None:
        return []
    target = f", target {reproducer.target}" if reproducer.target else ""
    guard = ", guard-malloc" if reproducer.guard_malloc else ""
    python = f", python {reproducer.python}" if reproducer.python else ""
    came = (
        f"schedule {reproducer.iteration} of soak explore"
        if reproducer.token
        else f"iteration {reproducer.iteration} of a worker that began at {reproducer.first_iteration}, "
        f"perturb {reproducer.perturb}{guard}"
    )
    return [
        f"  came from   {reproducer.scenario} ({reproducer.scenario_file}){target}",
        f"              seed {reproducer.seed}, {came}{python}",
    ]


def _evidence(folder: Path) -> list[str]:
    blocks = [_summary_stack(folder)]
    histories = [(path.name, 60) for path in sorted(folder.glob("history-*.txt"))]
    for name, lines in (*histories, *_SHOWN):
        path = folder / name
        if path.is_file() and (text := path.read_text(encoding="utf-8", errors="replace").strip()):
            blocks.append(f"-- {name} --\n{_some(text, lines)}")
    return [block for block in blocks if block]


def _summary_stack(folder: Path) -> str:
    """The part of the summary that the head does not tell already: stack, threads, what is missing."""
    path = folder / "summary.txt"
    if not path.is_file():
        return ""
    blocks = path.read_text(encoding="utf-8", errors="replace").strip().split("\n\n")
    return "\n\n".join(blocks[2:])


def _some(text: str, lines: int) -> str:
    all_lines = text.splitlines()
    if len(all_lines) <= abs(lines):
        return text
    rest = len(all_lines) - abs(lines)
    if lines > 0:
        return "\n".join([*all_lines[:lines], f"… {rest} more lines"])
    return "\n".join([f"… {rest} lines before", *all_lines[lines:]])


def _day(t: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(t))
