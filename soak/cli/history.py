"""``soak history``: the nights as rows, or one finding's rate in each night."""

from __future__ import annotations

import json
from pathlib import Path

from soak.cli.exits import Exit, UsageProblem
from soak.cli.nights import nights
from soak.cli.session import answer, say
from soak.findings.store import FindingNotFoundError, Store
from soak.report.history import finding_document, finding_text, nights_document, nights_text


def history(name: str, *, last: int, out: Path, db: str, as_json: bool) -> int:
    """Print the ``last`` nights, oldest first."""
    shown = nights(out, db)[-last:]
    if not name:
        answer(json.dumps(nights_document(shown), indent=2) if as_json else nights_text(shown))
        return Exit.CLEAN
    try:
        finding = Store(out, say=say).find(name)
    except FindingNotFoundError as error:
        raise UsageProblem(str(error)) from error
    if as_json:
        answer(json.dumps(finding_document(finding.id, shown), indent=2))
    else:
        answer(finding_text(finding.id, finding.title, shown))
    return Exit.CLEAN
