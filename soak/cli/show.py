"""``soak show``: a finding with its newest evidence, or all findings in short."""

from __future__ import annotations

import json
from pathlib import Path

from soak.cli.exits import Exit, UsageProblem
from soak.cli.session import answer, complete, say
from soak.findings.store import FindingNotFoundError, Store
from soak.report.show import finding_document, finding_text, findings_text


def show(name: str, *, out: Path, as_json: bool) -> int:
    """Print one finding, or all of them without a name."""
    complete(out)
    store = Store(out, say=say)
    if not name:
        documents = [finding_document(store, finding) for finding in store.all()]
        text = json.dumps(documents, indent=2) if as_json else findings_text(store, out)
    else:
        try:
            finding = store.find(name)
        except FindingNotFoundError as error:
            raise UsageProblem(str(error)) from error
        document = finding_document(store, finding)
        text = json.dumps(document, indent=2) if as_json else finding_text(store, finding, out)
    answer(text)
    return Exit.CLEAN
