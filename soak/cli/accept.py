"""``soak accept``: silence a finding with a reason, or list what was silenced."""

from __future__ import annotations

import json
import time
from pathlib import Path

from soak.cli.exits import Exit, UsageProblem
from soak.cli.nights import expect_memory
from soak.cli.recall import recalled, told_as_problem
from soak.cli.session import answer, locked, say
from soak.detect.words import printable
from soak.events import to_plain
from soak.findings.memory import open_memory
from soak.findings.nights import gone_by_now, told
from soak.findings.store import FindingNotFoundError, Store


def accept(
    name: str, *, because: str | None, undo: bool, out: Path, wait: float, db: str, as_json: bool
) -> int:
    """Accept a finding, take that back with ``undo``, or without a name list the accepted ones."""
    if not name:
        if because is not None or undo:
            raise UsageProblem("which finding? soak accept FINDING --because TEXT")
        return _list(out, db, as_json=as_json)
    if undo and because is not None:
        raise UsageProblem("--undo takes an acceptance back, and needs no --because")
    if not undo and not (because or "").strip():
        raise UsageProblem(f"expected a reason, got none: soak accept {name} --because TEXT")
    try:
        finding = Store(out, say=say).find(name)
    except FindingNotFoundError as error:
        raise UsageProblem(str(error)) from error
    with locked(out, wait), told_as_problem(), open_memory(out, db) as memory:
        memory.ingest()
        if undo:
            if not memory.unaccept(finding.id):
                raise UsageProblem(f"{finding.id} is not accepted; soak accept lists what is")
        else:
            memory.accept(finding.id, because=(because or "").strip(), when=time.time())
    if as_json:
        answer(json.dumps({"finding": finding.id, "accepted": not undo}))
    elif undo:
        answer(f"{finding.id} ({printable(finding.title)}) is no longer accepted")
    else:
        answer(f"{finding.id} ({printable(finding.title)}) is silent from now on")
    return Exit.CLEAN


def _list(out: Path, db: str, *, as_json: bool) -> int:
    expect_memory(out, db)
    with recalled(out, db) as memory:
        accepted = memory.acceptances()
        gone = gone_by_now(told(memory))
    if as_json:
        answer(json.dumps([to_plain(one) | {"stale": one.finding in gone} for one in accepted], indent=2))
        return Exit.CLEAN
    lines = [
        f"{one.finding}  since {_day(one.when)}, {one.hits} sighting{'s' * (one.hits != 1)} since"
        f"{', stale: it is gone' if one.finding in gone else ''}: {printable(one.because)}"
        for one in accepted
    ]
    answer("\n".join(lines) or f"nothing is accepted in {out}")
    return Exit.CLEAN


def _day(t: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(t))
