"""The measured rows on disk (``results.json``), and as the table between two markers of ``README.md``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.row import Row
from soak.files import write_whole

_FOLDER = Path(__file__).parent
RESULTS, README = _FOLDER / "results.json", _FOLDER / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


class Book:
    """Keeps what each measurement found last, so that one can be measured again without the others."""

    def __init__(self, path: Path = RESULTS) -> None:
        self._path = path
        self._pages: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else {}

    def put(self, name: str, rows: Sequence[Row], machine: str) -> None:
        """Replace a measurement's rows on disk."""
        self._pages[name] = {"machine": machine, "rows": [dataclasses.asdict(row) for row in rows]}
        write_whole(self._path, json.dumps(self._pages, indent=1, ensure_ascii=False) + "\n")

    def tables(self, order: Sequence[str]) -> str:
        """The table of all measurements that have been made, for each machine that they were made on."""
        by_machine: dict[str, list[Row]] = {}
        for name in order:
            if name in self._pages:
                page = self._pages[name]
                by_machine.setdefault(page["machine"], []).extend(Row(**record) for record in page["rows"])
        return "\n\n".join(f"Measured on {machine}:\n\n{table(rows)}" for machine, rows in by_machine.items())


def table(rows: Sequence[Row]) -> str:
    """A table in Markdown; it reads well in a terminal, too."""
    head = ("what", "to reach", "reached", "min – max", "runs", "unit", "", "note")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    mark = "" if not row.target else "yes" if row.ok else "**no**"
    spread = f"{shown(row.low)} – {shown(row.high)}"
    return row.what, row.target, shown(row.median), spread, str(row.runs), row.unit, mark, row.note


def shown(value: float) -> str:
    """Three digits that count, without an exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.4f}"


def write_readme(tables: str) -> None:
    """Put the tables between the markers.

    Raises:
        ValueError: README.md has lost its markers.
    """
    text = README.read_text()
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README}: expected the markers {BEGIN} and {END}; put them back")
    write_whole(README, f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")
