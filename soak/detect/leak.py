"""Leak: what outlived its iteration (threads, descriptors, children, files), and processes left running."""

from __future__ import annotations

import re

from soak.detect.clue import Clue
from soak.detect.frames import where
from soak.events import Kind, LeftBehind, LeftOver, Residue

_SHOWN = 5
#: An iteration that leaves things of more origins than this behind is told of all the others in one.
_MOST_ORIGINS = 8
_PLURAL = {
    "thread": "threads",
    "native thread": "native threads",
    "descriptor": "descriptors",
    "child": "child processes",
    "file": "files",
}


def residue(event: Residue) -> list[Clue]:
    """One clue per creation site: two leaks of one iteration are two problems, but a flood is one."""
    groups: dict[str, list[LeftOver]] = {}
    for item in event.items:
        groups.setdefault(_origin(item), []).append(item)
    if not groups:
        groups[""] = []
    origins = list(groups)
    if len(origins) > _MOST_ORIGINS:
        rest = origins[_MOST_ORIGINS - 1 :]
        groups["of many origins"] = [item for origin in rest for item in groups.pop(origin)]
    return [_clue(event, origin, items) for origin, items in groups.items()]


def left_behind(event: LeftBehind, iteration: int) -> Clue:
    """A process that a worker left running when it ended."""
    command = event.command or "?"
    return Clue(
        kind=Kind.LEAK,
        title=f"a child process outlived its worker: {_shortened(command)}",
        promise=f"child process: {varying(command)}",
        detail=f"process {event.pid} of session {event.session} ran `{_shortened(command)}` and was killed",
        iteration=iteration,
    )


def varying(text: str) -> str:
    """A name without what differs between two leaks of one kind: numbers, addresses and random names."""
    text = re.sub(r"0x[0-9a-fA-F]+", "0x", text)
    text = re.sub(r"(/[^/\s]+)+/(?=[^/\s]+)", "/", text)
    text = re.sub(r"\b(tmp|pymp-|torch_)[A-Za-z0-9_]{6,}", r"\1*", text)
    return re.sub(r"\d+", "N", text)


def _origin(item: LeftOver) -> str:
    place = where(item.frames)
    return place or varying(item.site or item.name)


def _clue(event: Residue, origin: str, items: list[LeftOver]) -> Clue:
    count = len(items) or event.after - event.before
    noun = event.resource if count == 1 else _PLURAL.get(event.resource, event.resource)
    names = ", ".join(item.name for item in items[:_SHOWN]) + (", …" if len(items) > _SHOWN else "")
    site = next((item.site for item in items if item.site), "")
    made = where(items[0].frames) if items else ""
    return Clue(
        kind=Kind.LEAK,
        title=f"{count} {noun} left behind" + (f", made in {made or site}" if made or site else f": {names}"),
        promise=f"{event.resource}: {origin}",
        detail=f"{event.before} before the iteration, {event.after} after it"
        + (f": {names}" if names else "")
        + (f" (made at {site})" if site else ""),
        frames=items[0].frames if items else (),
        iteration=event.iteration,
    )


def _shortened(command: str) -> str:
    return command if len(command) <= 100 else command[:99] + "…"
