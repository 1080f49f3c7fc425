"""Makes the work in which a schedule failed smaller: fewer threads, fewer calls, as long as it fails alike.

Standard library only.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator

from soak.schedule.conductor import Conductor
from soak.schedule.episode import Episode
from soak.schedule.explorer import Search
from soak.schedule.outcome import Deviation, Face
from soak.schedule.points import Granularity
from soak.schedule.result import Result
from soak.schedule.stage import Stage
from soak.schedule.strategies import Follow
from soak.schedule.token import Token
from soak.schedule.work import Work, hands

SCHEDULES, LEAST = 30, 5
"""Schedules that a smaller work is searched for, where the found one itself does not fail any more; none
where there is time for so few only.
"""
SECONDS = 15.0
"""Real seconds that it may take, about."""

Parts = frozenset[tuple[int, int]]


class Smaller:
    """Of one failing schedule of one work."""

    def __init__(
        self,
        stage: Stage,
        episode: Episode,
        begin: Callable[[Work, Face | None], Search],
        work: Work,
        result: Result,
        *,
        steps: int,
    ) -> None:
        """``begin`` makes a search of a work for failures of a face; ``steps`` as a search has them."""
        assert result.token is not None and result.face is not None
        token = Token.parse(result.token)
        self._stage = stage
        self._steps = steps
        self._until = 0.0
        self._episode = episode
        self._begin = begin
        self._known = result
        self._face = result.face
        self._work = work
        self._best = result
        self._deviations: tuple[Deviation, ...] = token.deviations
        self._granularity: Granularity = token.granularity

    def result(self) -> Result:
        """What is left. It was the last schedule that ran, so that the witness has what it showed."""
        self._until = time.monotonic() + SECONDS
        for gone in self._parts():
            if time.monotonic() > self._until:
                break
            if not gone <= self._work.without:
                self._try_without(gone)
        self._close_ranks()
        self._tell()
        return dataclasses.replace(self._best, first=self._known.first, strategy=self._known.strategy)

    def _parts(self) -> Iterator[Parts]:
        """What may be left out: who only looks, each thread's calls, then single ones."""
        everybody = hands(self._episode.scenario, self._work, self._episode.seed)
        everybody.sort(key=lambda hand: hand.looks is None)
        threads = [hand.parts for hand in everybody if hand.parts]
        singles = [frozenset([call]) for calls in threads if len(calls) > 1 for call in sorted(calls)]
        return itertools.chain(threads, reversed(singles))

    def _try_without(self, gone: Parts) -> None:
        fewer = self._work.less(gone)
        began = time.monotonic()
        again = self._follow(fewer, self._deviations)
        if again is not None:
            self._work, self._deviations = fewer, tuple(again.deviations)
            return
        now = time.monotonic()
        schedules = min(SCHEDULES, int((self._until - now) / max(now - began, 1e-6)))
        if schedules < LEAST:
            return
        found = self._begin(fewer, self._face).run(schedules)
        if found.found:
            self._take(fewer, found)

    def _take(self, work: Work, found: Result) -> None:
        assert found.token is not None
        token = Token.parse(found.token)
        self._work, self._best = work, found
        self._deviations, self._granularity = token.deviations, token.granularity

    def _close_ranks(self) -> None:
        """Without the threads that have nothing to do: those behind them move up."""
        known = self._follow(self._work, self._deviations)
        if known is None:
            return
        everybody = hands(self._episode.scenario, self._work, self._episode.seed)
        idle = {hand.name for hand in everybody if not hand.parts}
        ranks = _ranks(known, idle)
        moved = tuple(
            (ranks[task], step, ranks[other])
            for task, step, other in self._deviations
            if task in ranks and other in ranks
        )
        compact = dataclasses.replace(self._work, compact=True)
        again = self._follow(compact, moved)
        if again is not None:
            self._work, self._deviations = compact, tuple(again.deviations)

    def _tell(self) -> None:
        """Shrink the switches of what is left, if calls went since they were; and tell it."""
        token = Token.parse(self._best.token or "")
        if (token.work, token.deviations) != (str(self._work), self._deviations):
            found = self._begin(self._work, self._face).follow(self._deviations, self._granularity)
            if found is not None:
                self._take(self._work, found)
        token = Token.parse(self._best.token or "")
        self._granularity = token.granularity
        self._follow(Work.parse(token.work), token.deviations)

    def _follow(self, work: Work, deviations: tuple[Deviation, ...]) -> Conductor | None:
        """The schedule with these switches, if it fails alike."""
        self._episode.work = work
        conductor = self._stage.run(Follow(deviations), granularity=self._granularity, limit=self._steps)
        failure = conductor.over.failure if conductor.over else None
        return conductor if failure is not None and failure.face == self._face else None


def _ranks(conductor: Conductor, idle: set[str]) -> dict[int, int]:
    """The new rank of each thread by its old one, once the idle ones are gone."""
    staying = [task.index for task in conductor.tasks if task.thread.name not in idle]
    return {old: new for new, old in enumerate(staying)}
