"""Every schedule that differs from the undisturbed one in a single decision, the likeliest first."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from soak.schedule.conductor import Conductor
from soak.schedule.outcome import Decision, Deviation
from soak.schedule.strategies import Board


def learn(conductor: Conductor) -> Board:
    """What an undisturbed schedule that was recorded teaches the strategies."""
    touching: dict[str, set[int]] = {}
    writing: dict[str, set[int]] = {}
    for task, place in conductor.trail:
        if isinstance(place, str):
            continue
        for name in place.reads | place.writes:
            touching.setdefault(name, set()).add(task)
        for name in place.writes:
            writing.setdefault(name, set()).add(task)
    # A name that only one thread writes counts as well: in another schedule a second one may come to it.
    hot_names = frozenset(
        name for name, writers in writing.items() if len(touching[name]) > 1 or max(writers) > 0
    )
    board = Board(hot_names=hot_names)
    points: Counter[int] = Counter()
    hot_points: Counter[int] = Counter()
    for task, place in conductor.trail:
        points[task] += 1
        hot_points[task] += not isinstance(place, str) and board.hot(place)
    children: dict[int, tuple[int, ...]] = {}
    for one in conductor.tasks:
        children[one.parent] = (*children.get(one.parent, ()), one.index)
    return Board(points=points, hot_points=hot_points, children=children, hot_names=hot_names)


def sweep(conductor: Conductor, board: Board, rng: random.Random) -> list[Deviation]:
    """Where the recorded schedule could have gone another way, once; the likeliest first."""
    ranked = sorted(alternatives(conductor, conductor.decisions, board, rng), key=lambda pair: not pair[0])
    return [deviation for _, deviation in ranked]


def alternatives(
    conductor: Conductor, decisions: Sequence[Decision], board: Board, rng: random.Random
) -> list[tuple[bool, Deviation]]:
    """Every other choice at the decisions given, in random order, and whether it is likely to matter: at a
    hot place, of one thread of each kind, to one thread of each kind.
    """
    first: dict[str, int] = {}
    for task in conductor.tasks:
        first.setdefault(task.kind, task.index)
    representatives = set(first.values())

    def likely(decision: Decision, other: int) -> bool:
        hot = decision.step > 0 and board.hot(decision.place)
        return (
            hot
            and decision.task in representatives
            and not _stand_in(other, decision, conductor, representatives)
        )

    found = [
        (likely(decision, other), (decision.task, decision.step, other))
        for decision in decisions
        for other in decision.choices
        if other != decision.chosen
    ]
    rng.shuffle(found)
    return found


def _stand_in(other: int, decision: Decision, conductor: Conductor, representatives: set[int]) -> bool:
    """Whether another thread that runs the same function stands for this one."""
    if other in representatives:
        return False
    kind = conductor.tasks[other].kind
    rivals: Sequence[int] = [
        choice
        for choice in decision.choices
        if choice != decision.task and conductor.tasks[choice].kind == kind
    ]
    return min(rivals, default=other) != other
