"""The measured rows on disk (``results.json``), and as the table between two markers of ``README.md``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.row import Row
from soak.events import from_plain, to_plain
from soak.files import write_whole

_FOLDER = Path(__file__).parent
RESULTS, README = _FOLDER / "results.json", _FOLDER / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_HEAD = ("what", "to reach", "reached", "min – max", "runs", "unit", "", "load", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One measurement's rows. ``load`` is the machine's load average of its last minute, ours included;
    None where nobody looked."""

    name: str
    machine: str
    load: float | None
    rows: tuple[Row, ...]


class Book:
    """Keeps what each measurement found last, so that one can be measured again without the others."""

    def __init__(self, path: Path = RESULTS) -> None:
        records = json.loads(path.read_text()) if path.is_file() else []
        self._path = path
        self._pages = {page.name: page for page in (from_plain(Page, record) for record in records)}

    def put(self, page: Page) -> None:
        """Replace a measurement's rows on disk."""
        self._pages[page.name] = page
        records = [to_plain(page) for page in self._pages.values()]
        write_whole(self._path, json.dumps(records, indent=1, ensure_ascii=False) + "\n")

    def tables(self, order: Sequence[str]) -> str:
        """What has been measured, a table for each machine that it was measured on."""
        pages = [self._pages[name] for name in order if name in self._pages]
        return "\n\n".join(
            f"Measured on {machine}:\n\n{table([page for page in pages if page.machine == machine])}"
            for machine in dict.fromkeys(page.machine for page in pages)
        )


def table(pages: Sequence[Page]) -> str:
    """A table in Markdown; it reads well in a terminal, too."""
    cells = [_HEAD, *(_cells(row, page.load) for page in pages for row in page.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _cells(row: Row, load: float | None) -> tuple[str, ...]:
    mark = "" if not row.target else "yes" if row.ok else "**no**"
    spread = f"{shown(row.low)} – {shown(row.high)}"
    return (
        row.what,
        row.target,
        shown(row.median),
        spread,
        str(row.runs),
        row.unit,
        mark,
        "–" if load is None else f"{load:.1f}",
        row.note,
    )


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
