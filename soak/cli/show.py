"""``soak show``: a finding with its newest evidence, or all findings in short."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from soak.cli.exits import Exit, UsageProblem
from soak.cli.session import say
from soak.events import to_plain
from soak.findings.store import FindingNotFoundError, Store
from soak.report.show import finding_text, list_text


def show(name: str, *, out: Path, as_json: bool) -> int:
    """Print one finding, or all of them without a name."""
    store = Store(out, say=say)
    if not name:
        findings = store.all()
        text = json.dumps([to_plain(finding) for finding in findings], indent=2)
        sys.stdout.write((text if as_json else list_text(findings, out)) + "\n")
        return Exit.CLEAN
    try:
        finding = store.find(name)
    except FindingNotFoundError as error:
        raise UsageProblem(str(error)) from error
    text = json.dumps(to_plain(finding), indent=2) if as_json else finding_text(store, finding)
    sys.stdout.write(text + "\n")
    return Exit.CLEAN
