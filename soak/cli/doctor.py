"""``soak doctor``: what this machine can do for soak, and what would help."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from soak.cli.exits import Exit
from soak.cli.session import answer
from soak.events import to_plain
from soak.supervisor.machine import Fact, probe_all


def doctor(*, python: str, out: Path, as_json: bool) -> int:
    """Print a line per probe; exit code 4 when something that soak needs is missing."""
    facts: list[Fact] = []
    console = Console(highlight=False, soft_wrap=True)
    for fact in probe_all(out, python):
        facts.append(fact)
        if not as_json:
            console.print(_line(fact))
    if as_json:
        answer(json.dumps([to_plain(fact) for fact in facts], indent=2))
    missing = [fact for fact in facts if fact.required and not fact.ok]
    return Exit.CANNOT_RUN if missing else Exit.CLEAN


def _line(fact: Fact) -> str:
    mark = "[green]ok     [/]" if fact.ok else ("[red]missing[/]" if fact.required else "[yellow]limited[/]")
    remedy = f"\n{'':24}→ {escape(fact.remedy)}" if fact.remedy else ""
    return f"{mark} {fact.name:<15} {escape(fact.found)}{remedy}"
