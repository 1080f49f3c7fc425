"""``soak report``: a run's closing report again, folded from its event stream."""

from __future__ import annotations

import json
from pathlib import Path

from soak.cli.exits import Exit, UsageProblem
from soak.cli.session import answer, complete
from soak.report.fold import fold
from soak.report.machine import document
from soak.report.verdict import closing_text, verdict


def report(name: str, *, out: Path, as_json: bool) -> int:
    """Print the report of the run whose name begins with ``name``; of the newest without one."""
    complete(out)
    folder = _find(name, out)
    progress = fold(folder / "events.jsonl")
    said = progress.ended.verdict if progress.ended else verdict(progress)
    if as_json:
        answer(json.dumps(document(progress, said), indent=2))
    else:
        answer(closing_text(progress, said, out=out))
    return Exit.CLEAN


def _find(name: str, out: Path) -> Path:
    runs = sorted(path.parent for path in (out / "runs").glob("*/events.jsonl"))
    matching = [run for run in runs if run.name.startswith(name)]
    if not runs:
        raise UsageProblem(f"{out} holds no runs; name another folder with --out")
    exact = [run for run in matching if run.name == name]
    if name and len(matching) != 1 and not exact:
        known = ", ".join(run.name for run in (matching or runs)[-5:])
        raise UsageProblem(f"{name!r} names {len(matching)} runs; expected one of {known}")
    return (exact or matching)[-1]
