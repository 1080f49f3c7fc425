"""``soak show``: a finding with its newest evidence, or all findings in short."""

from __future__ import annotations

import json
from pathlib import Path

from soak.cli.exits import Exit, UsageProblem
from soak.cli.nights import latest_words
from soak.cli.session import answer, complete, say
from soak.findings.store import FindingNotFoundError, Store
from soak.report.show import finding_document, finding_documents, finding_text, findings_text


def show(name: str, *, out: Path, db: str, as_json: bool) -> int:
    """Print one finding, or all of them without a name."""
    complete(out)
    store = Store(out, say=say)
    # The store is read first: it tells of a damaged finding, which the memory would make anew in silence.
    if not name:
        findings = store.all()
        words = latest_words(out, db)
        text = (
            _json(finding_documents(store, findings, words))
            if as_json
            else findings_text(findings, out, words)
        )
    else:
        try:
            finding = store.find(name)
        except FindingNotFoundError as error:
            raise UsageProblem(str(error)) from error
        said = latest_words(out, db).get(finding.id)
        if as_json:
            text = _json(finding_document(store, finding, said))
        else:
            text = finding_text(store, finding, out, said)
    answer(text)
    return Exit.CLEAN


def _json(plain: object) -> str:
    return json.dumps(plain, indent=2)
