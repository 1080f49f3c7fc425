"""What goes when ``--retain`` bounds the disk or the number of occurrences: oldest first, never a first one.

Runs and occurrences leave their folders only; the memory keeps their rows, so that history and rates stay.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soak.files import beside
from soak.findings.store import Store
from soak.supervisor.stream import is_whole

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retain:
    """How much may stay: bytes of runs and findings together, occurrences in number; None for no bound."""

    size: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A folder that may go: a run's, or an occurrence's. ``age`` is when it was made, in Unix seconds."""

    path: Path
    age: float
    size: int
    is_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What went, and what is left: bytes and occurrences. ``reached`` is whether the bounds are kept now."""

    runs: tuple[str, ...]
    occurrences: tuple[str, ...]
    freed: int
    size: int
    count: int
    reached: bool


def parse_retain(words: Sequence[str]) -> Retain:
    """``2GB``, ``500MB`` or ``1.5GiB`` bound the disk, a plain number the occurrences; later ones win.

    Raises:
        ValueError: a word is neither; the message says what was expected.
    """
    size, count = None, None
    for word in words:
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt]i?)?b)?\s*", word, re.IGNORECASE)
        if found is None:
            raise ValueError(f"expected a size like 2GB or 500MB, or a number of occurrences, got {word!r}")
        if word.strip().isdigit():
            count = int(word)
        elif "b" in word.lower():
            unit = (found.group(2) or "").lower()
            size = int(float(found.group(1)) * (_UNITS | _BINARY)[unit])
        else:
            raise ValueError(f"expected a whole number of occurrences, got {word!r}; a size has a unit: 2GB")
    return Retain(size=size, count=count)


def prune(out: Path, retain: Retain) -> Pruned:
    """Take away the oldest folders until ``retain`` holds. The lock of ``out`` must be held.

    The first occurrence of a finding stays, and so do the newest run and runs without an end.

    Raises:
        OSError: a folder cannot be taken away.
    """
    items, kept_size, firsts = _items(out)
    occurrences = [item for item in items if not item.is_run]
    size = kept_size + sum(item.size for item in items)
    count = firsts + len(occurrences)
    gone: list[Item] = []
    if retain.count is not None:
        gone += occurrences[: max(0, count - retain.count)]
    freed = sum(item.size for item in gone)
    chosen = {item.path for item in gone}
    for item in items:
        if retain.size is None or size - freed <= retain.size:
            break
        if item.path not in chosen:
            gone.append(item)
            freed += item.size
    for item in gone:
        _take_away(item.path)
    size, count = size - freed, count - sum(not item.is_run for item in gone)
    over = (retain.size is not None and size > retain.size) or (
        retain.count is not None and count > retain.count
    )
    return Pruned(
        runs=tuple(item.path.name for item in gone if item.is_run),
        occurrences=tuple(item.path.relative_to(out).as_posix() for item in gone if not item.is_run),
        freed=freed,
        size=size,
        count=count,
        reached=not over,
    )


def _items(out: Path) -> tuple[list[Item], int, int]:
    """What may go, oldest first; the size of what may not, and how many first occurrences are among it."""
    store, items, kept, firsts = Store(out), [], 0, 0
    for folder in sorted((out / "findings").glob("*/")):
        kept += sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        for place, path in enumerate(store.occurrences(folder.name)):
            item = _item(path, path / "sighting.json", is_run=False)
            if place == 0:
                kept, firsts = kept + item.size, firsts + 1
            else:
                items.append(item)
    runs = sorted((out / "runs").glob("*/events.jsonl"))
    for number, stream in enumerate(runs, start=1):
        item = _item(stream.parent, stream, is_run=True)
        if number == len(runs) or not is_whole(stream):
            kept += item.size
        else:
            items.append(item)
    return sorted(items, key=lambda item: (item.age, str(item.path))), kept, firsts


def _item(folder: Path, dated: Path, *, is_run: bool) -> Item:
    age = (dated if dated.exists() else folder).stat().st_mtime
    return Item(path=folder, age=age, size=_size_of(folder), is_run=is_run)


def _size_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _take_away(folder: Path) -> None:
    # A folder vanishes at once, by a rename: nobody finds half of it.
    hidden = beside(folder)
    folder.rename(hidden)
    shutil.rmtree(hidden)
