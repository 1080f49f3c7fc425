"""From a failing schedule to what it takes: in another order first, then switch by switch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from soak.schedule.conductor import NO_POINT, Conductor
from soak.schedule.outcome import Strategy
from soak.schedule.places import Place
from soak.schedule.points import Granularity
from soak.schedule.shrink import REPLAYS, Deviations, shrink, size_of
from soak.schedule.simplify import Script, Segment, scripts
from soak.schedule.strategies import Follow
from soak.schedule.token import moves

FEW = 2
"""Preemptions that no other order is looked for to lose."""
SINGLES = 12
"""Single switches that are tried in place of several."""
MANY = 10
"""Deviations each of which is tried alone at most."""


class Run(Protocol):
    """Runs a schedule: by a strategy, whose name in a token is `name`."""

    def __call__(
        self, strategy: Strategy, name: str, granularity: Granularity, *, recording: bool = False
    ) -> Conductor: ...


class Distillation:
    """Of one failing schedule; `best` and its granularity are what is left, after `replays` replays."""

    def __init__(
        self, run: Run, failing: Conductor, granularity: Granularity, *, limit: int = REPLAYS
    ) -> None:
        """``limit`` bounds the replays; one more confirms what is left."""
        self._run = run
        self._limit = limit
        self._failing = failing
        self.best = failing
        self.granularity = granularity
        self.replays = 0

    def work(self) -> None:
        """Lines are preferred to opcodes, then few preemptions, then few deviations."""
        if not self.best.deviations and self.granularity is Granularity.LINE:
            return
        self.replays += 1
        undisturbed = self._run(Follow(), "", Granularity.LINE, recording=True)
        if self._keep(undisturbed, Granularity.LINE):
            return
        if len(self.best.deviations) > 1 or self.granularity is Granularity.OPCODE:
            self._reorder()
        self._delete()
        if self.granularity is Granularity.OPCODE or size_of(self._deviations)[0] > FEW:
            self._reorder()
            self._delete()
        if self.granularity is Granularity.LINE and size_of(self._deviations)[0] > 1:
            self._simplest(undisturbed)

    def _simplest(self, undisturbed: Conductor) -> None:
        """Perhaps one switch of the undisturbed schedule is enough, at a place where this one has one."""
        places = set(_switched_at(self.best))
        singles = [
            (decision.task, decision.step, other)
            for decision in undisturbed.decisions
            if decision.step > 0 and decision.place in places
            for other in decision.choices
            if other != decision.chosen
        ]
        for single in singles[:SINGLES]:
            if self._fails(Follow((single,)), moves((single,)), Granularity.LINE):
                return

    @property
    def _deviations(self) -> Deviations:
        return tuple(self.best.deviations)

    def _reorder(self) -> None:
        """The same happenings in an order with fewer switches, at lines if that is possible."""
        if self.replays >= self._limit:
            return
        recorded = self._again(Follow(self._deviations), moves(self._deviations), recording=True)
        before = self.granularity
        for wanted in dict.fromkeys((Granularity.LINE, before)):
            for script in scripts(recorded, before, wanted):
                if self._fails(script, str(script), wanted):
                    self._cut(script)
                    return

    def _cut(self, script: Script) -> None:
        """Turns that are not needed: unlike a deviation, a turn that is left out takes no other one along."""
        if len(self._deviations) <= MANY:
            return

        def fails(turns: tuple[Segment, ...]) -> tuple[Segment, ...] | None:
            fewer = Script(turns)
            again = self._again(fewer, str(fewer))
            self._keep(again, self.granularity)
            return turns if same(self._failing, again) else None

        shrink(script.turns, fails, replays=(self._limit - self.replays) * 2 // 3)

    def _delete(self) -> None:
        def fails(deviations: Deviations) -> Deviations | None:
            again = self._again(Follow(deviations), moves(deviations))
            return tuple(again.deviations) if self._keep(again, self.granularity) else None

        alone = [(one,) for one in reversed(self._deviations)] if len(self._deviations) <= MANY else []
        shrink(self._deviations, fails, guesses=alone, replays=self._limit - self.replays, size=size_of)

    def _fails(self, strategy: Strategy, name: str, granularity: Granularity) -> bool:
        """Whether the schedule fails in the same way and is better than the best so far."""
        if self.replays >= self._limit:
            return False
        self.replays += 1
        return self._keep(self._run(strategy, name, granularity), granularity)

    def _again(self, strategy: Strategy, name: str, *, recording: bool = False) -> Conductor:
        self.replays += 1
        return self._run(strategy, name, self.granularity, recording=recording)

    def _keep(self, again: Conductor, granularity: Granularity) -> bool:
        """Whether it failed in the same way; the best is kept."""
        if not same(self._failing, again):
            return False
        coarser = granularity is not self.granularity
        if not coarser and size_of(tuple(again.deviations)) >= size_of(self._deviations):
            return False
        self.best, self.granularity = again, granularity
        return True


def _switched_at(conductor: Conductor) -> Iterator[Place]:
    """Where threads lost their turns, and where they went on that got them."""
    points: Counter[int] = Counter()
    lost = {(task, step): to for task, step, to in conductor.deviations if step > 0}
    awaited = None
    for task, what in conductor.trail:
        if not isinstance(what, Place):
            points[task] += not what.startswith(NO_POINT)
            continue
        points[task] += 1
        if task == awaited:
            yield what
            awaited = None
        if (task, points[task]) in lost:
            yield what
            awaited = lost[task, points[task]]


def same(one: Conductor, other: Conductor) -> bool:
    """Whether two schedules failed in the same way."""
    first = one.over.failure if one.over else None
    second = other.over.failure if other.over else None
    return first is not None and second is not None and first.face == second.face
