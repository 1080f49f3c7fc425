"""A scenario as a function that `soak.race` can call: set-up, the threads' work, rest, checks, teardown.

Standard library only.
"""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any

from soak.author import Call, Invariant, Scenario
from soak.events import Phase
from soak.schedule.task import Unwind
from soak.schedule.witness import ScheduleWitness
from soak.schedule.work import Hand, Step, Work, hands
from soak.worker.crew import callings, teams
from soak.worker.history import Historian
from soak.worker.perturb import files_of
from soak.worker.promises import look

HANG_AFTER = 10.0
"""Seconds that judging histories is measured by, as in a soak that is not told otherwise."""
LESS_OFTEN, MOST_LOOKS = 3, 300
"""Looks at an invariant, by the virtual clock against a soak's, and in one schedule at most."""
BESIDE = ("soak.targets", "soak.canaries", "soak.models")
"""Packages whose locks and clocks are controlled, though schedules do not switch at their lines."""


class Unfit(Exception):
    """The scenario cannot be explored as it is written: the user's mistake, in words."""


class Episode:
    """What every schedule runs once. ``work`` may be changed between two schedules."""

    def __init__(self, scenario: Scenario, target: Any, folder: Path, *, seed: int) -> None:
        """Raises `Unfit` where no thread is left that could be explored."""
        if not teams(scenario):
            raise Unfit(
                f"{scenario.name} has operations in processes of their own only; schedules are those of "
                f"threads: soak it instead, soak run {scenario.name}"
            )
        self.scenario = scenario
        self.target = target
        self.seed = seed
        self.work = Work()
        self.witness = ScheduleWitness()
        self._working = 0
        self.historian = Historian(self.witness, scenario.histories, folder, HANG_AFTER)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The operations that have processes of their own, by name."""
        return tuple(dict.fromkeys(operation.name for _, operation in callings(self.scenario)))

    def run(self) -> None:
        """One episode. What it finds fails the schedule that it runs in."""
        witness = self.witness
        witness.begin(self.work.calls)
        self.historian.begin()
        course = self._begin()
        try:
            self._live_through(course)
        finally:
            with contextlib.suppress(Unwind):  # a schedule that has failed ends everybody's waiting
                course.close()
        witness.raise_outside()

    def _live_through(self, course: Generator[Any, None, None]) -> None:
        scenario, witness = self.scenario, self.witness
        state = self._set_up(course)
        witness.phase = Phase.OPERATIONS
        everybody = hands(scenario, self.work, self.seed)
        self._working = sum(hand.looks is None for hand in everybody)
        threads = [self._thread(hand, state) for hand in everybody]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        witness.phase = Phase.CHECKS
        for promise, holds in (
            *((each.promise, each.holds) for each in scenario.invariants),
            *((each.promise, each.holds) for each in scenario.checks),
        ):
            look(witness, promise, holds, state)
        self.historian.judge()
        witness.phase = Phase.TEARDOWN
        self._tear_down(course)

    def _thread(self, hand: Hand, state: Any) -> threading.Thread:
        # The calls are handed over by themselves as well: by them, schedules tell threads of one kind.
        if hand.looks is not None:
            return threading.Thread(target=self._watch, args=(hand.looks, state), name=hand.name)
        calls = [step.call for step in hand.steps]
        return threading.Thread(target=self._live, args=(hand, state, *calls), name=hand.name)

    def _live(self, hand: Hand, state: Any, *_calls: Call) -> None:
        for step in hand.steps:
            if self.witness.was_stopped():
                break
            self._call(step, state)
        self._working -= 1

    def _call(self, step: Step, state: Any) -> None:
        witness = self.witness
        witness.enter(step.name)
        try:
            step.call(state, random.Random(step.seed))
        except step.expects:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
            witness.report_raised(error, doing=step.name)
        witness.leave()

    def _watch(self, invariant: Invariant, state: Any) -> None:
        """Look every so often, while somebody works; not for ever, or no deadlock would ever be seen."""
        for _ in range(MOST_LOOKS):
            look(self.witness, invariant.promise, invariant.holds, state)
            if not self._working:
                return
            time.sleep(LESS_OFTEN * invariant.every)

    def _begin(self) -> Generator[Any, None, None]:
        name = self.scenario.name
        try:
            course: object = self.scenario.set_up(self.target, random.Random(f"{self.seed}:{name}:set-up"))
        except BaseException as error:
            self.witness.report_raised(error)
            raise AssertionError("unreachable: the schedule has failed") from error
        if not isinstance(course, Generator):
            raise Unfit(f"scenario {name!r}: expected a generator that yields the state once")
        return course

    def _set_up(self, course: Generator[Any, None, None]) -> Any:
        try:
            return next(course)
        except StopIteration:
            raise Unfit(
                f"scenario {self.scenario.name!r}: expected one `yield` between set-up and teardown"
            ) from None
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
            self.witness.report_raised(error)

    def _tear_down(self, course: Generator[Any, None, None]) -> None:
        try:
            next(course)
        except StopIteration:
            return
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
            self.witness.report_raised(error)
        raise Unfit(f"scenario {self.scenario.name!r}: the generator yielded twice")

    # -- what a search has to know -------------------------------------------------------------------------

    def files(self) -> list[str]:
        """Where schedules switch by default: the files of the target's class and its bases, and its package
        if that is not soak's; without a target, the scenario's own."""
        wanted = files_of(self.target, self.scenario)
        found = [*sorted(wanted.files), *wanted.folders]
        return found or [self.scenario.set_up.__code__.co_filename]

    def beside(self) -> list[ModuleType]:
        """Modules whose locks are controlled as well: the scenario's, and what soak's targets share."""
        own = sys.modules.get(self.scenario.set_up.__module__)
        shared = [module for name, module in list(sys.modules.items()) if name.startswith(BESIDE)]
        return [*([own] if own is not None else []), *shared]


def in_words(episode: Episode) -> list[str]:
    """Who does something, and what."""
    everybody = hands(episode.scenario, episode.work, episode.seed)
    return [hand.words for hand in everybody if hand.parts]
