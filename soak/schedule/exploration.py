"""Explores a scenario: works of growing size in rotation, each with a search of its own.

Standard library only.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterable

from soak.schedule.episode import Episode
from soak.schedule.explorer import STALLS, Search, replay
from soak.schedule.outcome import Face
from soak.schedule.result import Result
from soak.schedule.smaller import Smaller
from soak.schedule.stage import STALL, Stage
from soak.schedule.target import Target, TargetLike
from soak.schedule.token import BadToken, Token
from soak.schedule.work import Work, works

STEPS = 60_000
"""Steps after which a schedule counts as endless: seconds of virtual time, for threads that look every so
often whether something has come.
"""
SLICE = 60
"""Schedules of one work before the next one has its turn."""

Before = Callable[[str], None]


class Exploration:
    """One scenario, explored or replayed."""

    def __init__(
        self,
        episode: Episode,
        switch_at: Iterable[TargetLike] | None = None,
        *,
        before: Before | None = None,
        steps: int = STEPS,
        stall: float = STALL,
    ) -> None:
        """``switch_at`` instead of the target's files; ``before`` hears each schedule's token; ``steps`` and
        ``stall`` are the limits of ``soak.race``.
        """
        self.episode = episode
        self.before = before
        self.steps = steps
        self.stall = stall
        self._target = Target.of(switch_at or episode.files(), episode.run)
        self._schedules = 0
        self._swept = self._sweep = self._endless = 0
        self._stalls: list[str] = []
        self._unproven: list[str] = []
        self._notes: set[str] = set()

    def run(self, schedules: int) -> Result:
        """Search until a schedule fails, or so many have run."""
        began = time.monotonic()
        with self._stage() as stage:
            found = self._search(stage, schedules)
            result = self._nothing(stage) if found is None else self._smaller(stage, *found)
        return dataclasses.replace(result, schedules=self._schedules, seconds=time.monotonic() - began)

    def replay(self, token: str) -> Result:
        """Run the one schedule that ``token`` describes. Raises `BadToken` where it cannot be."""
        wanted = Token.parse(token)
        try:
            self.episode.work = Work.parse(wanted.work)
        except ValueError as error:
            raise BadToken(f"the token is not one of a scenario's: {error}") from error
        self.episode.seed = wanted.seed
        beside = self.episode.beside()
        return replay(self.episode.run, token, steps=self.steps, stall=self.stall, beside=beside)

    def _stage(self) -> Stage:
        episode = self.episode
        beside = episode.beside()
        return Stage(episode.run, self._target, seed=episode.seed, stall=self.stall, beside=beside)

    def _search(self, stage: Stage, schedules: int) -> tuple[Work, Result] | None:
        for work in works():
            left = schedules - self._schedules
            if left <= 0 or len(self._stalls) >= STALLS:
                return None
            search = self._begin(stage, work)
            result = search.run(min(SLICE, left))
            self._count(search, result)
            if result.found:
                return work, dataclasses.replace(result, first=self._schedules)
        raise AssertionError("unreachable: works never end")

    def _begin(self, stage: Stage, work: Work, face: Face | None = None) -> Search:
        self.episode.work = work
        return Search(
            stage,
            seed=self.episode.seed,
            steps=self.steps,
            before=self.before,
            work=str(work),
            face=face,
        )

    def _count(self, search: Search, result: Result) -> None:
        self._schedules += search.ran
        self._swept += result.swept
        self._sweep += result.sweep
        self._endless += result.endless
        self._stalls += search.stalls
        self._notes.update(result.notes)
        if result.unproven:
            self._unproven.append(result.unproven)

    def _smaller(self, stage: Stage, work: Work, result: Result) -> Result:
        began = time.monotonic()
        begin = functools.partial(self._begin, stage)
        smaller = Smaller(stage, self.episode, begin, work, result, steps=self.steps).result()
        return dataclasses.replace(smaller, shrinking=result.shrinking + time.monotonic() - began)

    def _nothing(self, stage: Stage) -> Result:
        unproven = None
        if self._stalls and len(self._stalls) in (STALLS, self._schedules):
            unproven = f"{len(self._stalls)} of {self._schedules} schedules stalled: {self._stalls[0]}"
        elif self._endless == self._schedules:
            unproven = f"no schedule ended within {self.steps} steps"
        elif not self._sweep:
            unproven = self._unproven[0] if self._unproven else "no threads met; give the scenario more"
        return Result(
            found=False,
            swept=self._swept,
            sweep=self._sweep,
            endless=self._endless,
            stalled=self._stalls[0] if self._stalls else None,
            uncontrolled=bool(self._stalls or stage.foreign),
            notes=tuple(sorted(self._notes)),
            unproven=unproven,
        )
