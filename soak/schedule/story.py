"""The story of a schedule: its threads side by side, a mark at each switch, and one sentence that says it
all.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from soak.schedule.conductor import BACK, NO_POINT, Conductor
from soak.schedule.outcome import Failure
from soak.schedule.places import Place
from soak.schedule.task import letters

KEEP = 3
"""Lines of a thread that are shown before and after a switch."""
WIDTH = 30
CLAUSES = 3
"""Preemptions that the closing sentence tells, the last ones."""
COLUMNS = 4
"""Threads side by side; where more take part, they stand below each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one thread did between two switches."""

    task: int
    places: tuple[Place, ...]


def story(conductor: Conductor, failure: Failure) -> str:
    """The threads side by side, and the closing sentence."""
    stretches = cut(conductor)
    shown = [stretch for stretch in stretches if stretch.places]
    return "\n".join([*_table(shown), "", sentence(conductor, failure)])


def cut(conductor: Conductor) -> list[Stretch]:
    """The trace in stretches, without what is not the target's."""
    stretches: list[Stretch] = []
    places: list[Place] = []
    task = 0
    began: dict[int, Place] = {}
    for at, (index, place) in enumerate(conductor.trail):
        if index != task:
            stretches.append(Stretch(task=task, places=tuple(places)))
            task, places = index, []
        if not isinstance(place, str):
            began[index] = place
            following = conductor.trail[at + 1] if at + 1 < len(conductor.trail) else None
            if following is not None and following[0] != index and _goes_on(conductor, at + 1, index):
                continue  # a point comes before its line: this one's runs after the switch
        elif place == BACK and index in began:
            place = began[index]
        if not isinstance(place, str) and not (places and _same_line(places[-1], place)):
            places.append(place)
    stretches.append(Stretch(task=task, places=tuple(places)))
    return stretches


def _goes_on(conductor: Conductor, at: int, task: int) -> bool:
    """Whether the thread's next entry says that it was switched away from at a point, or that it never ran
    on.
    """
    later = itertools.islice(conductor.trail, at, None)
    return next((place for index, place in later if index == task), BACK) == BACK


def sentence(conductor: Conductor, failure: Failure) -> str:
    """Between this line and that one on thread A, thread B did something: the end of the story."""
    end = failure.words if failure.words.endswith(".") else f"{failure.words}."
    clauses = [_clause(gap) for gap in _gaps(conductor)[-CLAUSES:]]
    if not clauses:
        return _capital(end)
    return _capital(f"{'; then '.join(clauses)}: {end}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A thread was stopped after `last` and before `pending`, and others ran."""

    task: int
    last: Place | None
    pending: Place
    others: dict[int, list[Place]]


def _gaps(conductor: Conductor) -> list[Gap]:
    """The preemptions in which other threads ran lines of the target, in order."""
    wanted = {(task, step) for task, step, _ in conductor.deviations if step > 0}
    steps: dict[int, int] = {}
    last: dict[int, Place] = {}
    gaps = []
    for at, (task, place) in enumerate(conductor.trail):
        if isinstance(place, str) and place.startswith(NO_POINT):
            continue
        steps[task] = steps.get(task, 0) + 1
        pending = last.get(task) if isinstance(place, str) else place
        if (task, steps[task]) in wanted and pending is not None:
            others = _until_back(conductor, at + 1, task)
            if others:
                gaps.append(Gap(task=task, last=last.get(task), pending=pending, others=others))
        if not isinstance(place, str):
            last[task] = place
    return gaps


def _until_back(conductor: Conductor, at: int, task: int) -> dict[int, list[Place]]:
    """What the other threads ran from a moment on until the thread went on."""
    others: dict[int, list[Place]] = {}
    for index, place in itertools.islice(conductor.trail, at, None):
        if index == task:
            break
        if not isinstance(place, str):
            others.setdefault(index, []).append(place)
    return others


def _clause(gap: Gap) -> str:
    if gap.last is None:
        left = f"before `{gap.pending.source}`"
    elif _same_line(gap.last, gap.pending):
        left = f"within `{gap.pending.source}`"
    else:
        left = f"between `{gap.last.source}` and `{gap.pending.source}`"
    ran = " and ".join(f"thread {_name(other)} ran {_span(places)}" for other, places in gap.others.items())
    return f"{left} on thread {_name(gap.task)}, {ran}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _span(places: list[Place]) -> str:
    hot = [place for place in places if place.writes] or places
    lines = list(dict.fromkeys(place.source for place in hot))
    if len(lines) <= 2:
        return " and ".join(f"`{line}`" for line in lines)
    return f"`{lines[0]}` … `{lines[-1]}`"


def _table(stretches: list[Stretch]) -> list[str]:
    tasks = sorted({stretch.task for stretch in stretches})
    columns = {task: number for number, task in enumerate(tasks)} if len(tasks) <= COLUMNS else {}
    lines = []
    if columns:
        lines.append("".join(f"thread {_name(task)}".ljust(WIDTH) for task in tasks).rstrip())
    for number, stretch in enumerate(stretches):
        mark = "⇄ " if number else "  "
        for row, text in enumerate(_rows(stretch, opening=number == 0)):
            lead = mark if row == 0 else "  "
            if columns:
                lines.append(f"{' ' * (WIDTH * columns[stretch.task])}{lead}{text}")
            else:
                lines.append(f"{'thread ' + _name(stretch.task):<12}{lead}{text}")
    return lines


def _rows(stretch: Stretch, *, opening: bool) -> list[str]:
    rows = [f"{place.line:>4}  {place.source}" for place in stretch.places]
    if opening:  # what came before any thread is of little interest
        return rows[-KEEP:]
    if len(rows) <= 2 * KEEP + 1:
        return rows
    return [*rows[:KEEP], f"   ⋮  {len(rows) - 2 * KEEP} more", *rows[-KEEP:]]


def _same_line(one: Place, other: Place) -> bool:
    return one.file == other.file and one.line == other.line


def _name(task: int) -> str:
    return "main" if task == 0 else letters(task)
