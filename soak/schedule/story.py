"""The story of a schedule: its threads side by side, a mark at each switch, and one sentence that says it
all.
"""

from __future__ import annotations

from dataclasses import dataclass

from soak.schedule.conductor import WAITS, Conductor, Failure, Kind
from soak.schedule.places import Place
from soak.schedule.task import letters

KEEP = 3
"""Lines of a thread that are shown before and after a switch."""
WIDTH = 42
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
    for index, place in conductor.trail:
        if index != task:
            stretches.append(Stretch(task=task, places=tuple(places)))
            task, places = index, []
        if not isinstance(place, str) and not (places and _same_line(places[-1], place)):
            places.append(place)
    stretches.append(Stretch(task=task, places=tuple(places)))
    return stretches


def sentence(conductor: Conductor, failure: Failure) -> str:
    """Between this line and that one on thread A, thread B did something: the end of the story."""
    end = f"{failure.words}."
    if failure.kind is Kind.DEADLOCK:
        return end[0].upper() + end[1:]
    gap = _decisive(conductor)
    if gap is None:
        return f"With no switch at all: {end}"
    task, last, pending, others = gap
    left = f"between `{last.source}` and" if last is not None else "before"
    doing = "; ".join(f"thread {_name(other)} ran {_span(places)}" for other, places in others)
    return f"{left[0].upper()}{left[1:]} `{pending.source}` on thread {_name(task)}, {doing}: {end}"


Gap = tuple[int, Place | None, Place, list[tuple[int, tuple[Place, ...]]]]


def _decisive(conductor: Conductor) -> Gap | None:
    """The last preemption: who was interrupted before which line, and who ran then."""
    interrupted = [(task, step) for task, step, _ in conductor.deviations if step > 0]
    if not interrupted:
        return None
    task, step = interrupted[-1]
    count, at = 0, -1
    last: Place | None = None
    pending: Place | None = None
    for index, place in conductor.trail:
        at += 1
        if index != task or (isinstance(place, str) and place.startswith(WAITS)):
            continue
        count += 1
        if count == step:
            pending = place if not isinstance(place, str) else last
            break
        if not isinstance(place, str):
            last = place
    if pending is None:
        return None
    if last is not None and _same_line(last, pending):
        last = None
    others: dict[int, list[Place]] = {}
    for index, place in conductor.trail[at + 1 :]:
        if index == task:
            break
        if not isinstance(place, str):
            others.setdefault(index, []).append(place)
    if not others:
        return None
    return task, last, pending, [(other, tuple(places)) for other, places in others.items()]


def _span(places: tuple[Place, ...]) -> str:
    hot = [place for place in places if place.writes] or list(places)
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
        for row, text in enumerate(_rows(stretch)):
            lead = mark if row == 0 else "  "
            if columns:
                indent = " " * (WIDTH * columns[stretch.task])
                lines.append(f"{indent}{lead}{text}"[: WIDTH * (columns[stretch.task] + 1) + 40])
            else:
                lines.append(f"{'thread ' + _name(stretch.task):<12}{lead}{text}")
    return lines


def _rows(stretch: Stretch) -> list[str]:
    rows = [f"{place.line:>4}  {place.source}" for place in stretch.places]
    if len(rows) <= 2 * KEEP + 1:
        return rows
    return [*rows[:KEEP], f"   ⋮  {len(rows) - 2 * KEEP} more", *rows[-KEEP:]]


def _same_line(one: Place, other: Place) -> bool:
    return one.file == other.file and one.line == other.line


def _name(task: int) -> str:
    return "main" if task == 0 else letters(task)
