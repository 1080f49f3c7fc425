"""What a registry of runners owes its callers while it swaps them: each promise stated once.

The scenario calls the registry through these functions. Each check rests on what stays true once it is (a
runner whose stop was asked for before a ``get`` began was registered no more by then), so that no schedule
breaks it on a correct registry.

Standard library only: the registry is handed in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from soak.author import Refused, always, guarantee
from soak.targets.mujoco_runs import Action, Observation, Policy
from soak.targets.pace import Pace
from soak.targets.runner_words import Decision, RunnerFailed, RunnerSource

if TYPE_CHECKING:
    from soak.targets.runner import PolicyRunner
    from soak.targets.runner_registry import Change, RunnerRegistry, Swapped

#: What stands or falls together: one defect breaks whichever of its promises the schedule comes to first.
FOUND = guarantee("a key that was started has a runner until its final stop")
KNOWN = guarantee("every live runner is known to its registry")
ENDED = guarantee("a runner that is superseded or stopped ends, once and for good")
OVER = guarantee("nothing begins after the end")
BOUNDED = guarantee("whoever asks the registry is answered in bounded time")

NEVER_NONE = FOUND.promise("get finds a runner between a key's first start and its final stop")
NEVER_STOPPED = "get hands out no runner whose stop had been asked for before"
IN_ORDER = "an observer never gets an older runner after a newer one"
GET_BOUNDED = BOUNDED.promise("get answers in bounded time, whatever is being reloaded")
CALL_BOUNDED = BOUNDED.promise("starts and stops return in bounded time, in whatever order they come")
STOP_IS_TRUE = ENDED.promise("a runner is said to be stopped only when its thread is gone")
NO_DECISION = ENDED.promise("no decision begins on a stopped runner")
OWN_DECISION = "a runner's decision is its own"
ONE_LIVE = KNOWN.promise("a key has one live runner, and a second one only while that is declared to leave")
KEEPS_OLD = FOUND.promise("a reload that fails leaves the old runner live and registered")
NONE_LEFT = KNOWN.promise("no runner is live after stop_all")
ONCE = ENDED.promise("each runner that was superseded is stopped exactly once")
CLOSED = OVER.promise("nothing is started after stop_all")
NO_RUNNER = OVER.promise("a key has no runner after its final stop")

#: Seconds that a ``get`` may take while the machine is to be had. It takes microseconds; where ten times as
#: many threads want to run as there are cores, a second.
GET_WITHIN = 2.0
#: The same for starts and stops that wait for nobody; what they may wait for comes on top.
CALL_WITHIN = 2.0
#: What a reload may wait for at most, where every policy returns.
RELOAD_WITHIN = 5.0


class Lookout:
    """A policy that wraps another one, and looks at every decision, in its runner's thread.

    ``over`` is set once its runner is said to be stopped. With ``curious``, decisions ask the registry.
    """

    def __init__(self, policy: Policy, curious: Callable[[], object] | None) -> None:
        self.over = False
        self.inside = False
        self.asked = 0
        self.policy = policy
        self._curious = curious

    def __call__(self, observation: Observation) -> Action:
        always(not self.over, NO_DECISION)
        self.inside = True
        try:
            if self._curious is not None:
                self._curious()
                self.asked += 1
            return self.policy(observation)
        finally:
            self.inside = False


class Swaps:
    """One registry's callers, with what they have to remember between calls. Thread-safe."""

    def __init__(self, make_registry: Callable[..., RunnerRegistry]) -> None:
        """Make the registry, with a listener that asks it again at every change."""
        self.pace = Pace()
        self.changes = 0
        self.registry = make_registry(self._hear)
        #: The keys that are being reloaded now: a value, replaced whole.
        self.under_way: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._superseded: list[PolicyRunner] = []
        self._newest = threading.local()
        self._ending = False

    # -- getting -------------------------------------------------------------------------------------------

    def get(self, key: str, *, may_be_none: bool = False) -> PolicyRunner | None:
        """``get``: always somebody who is not stopped, always in time, never an older one than before."""
        with self.pace.timed(self._name_of_get(key), GET_BOUNDED, GET_WITHIN):
            asked_at = time.monotonic()
            runner = self.registry.get(key)
        if runner is None:
            always(may_be_none or self._ending, NEVER_NONE, key=key)
            return None
        stopped_at = runner.stop_asked_at
        always(stopped_at is None or stopped_at >= asked_at, NEVER_STOPPED, runner=runner)
        self._saw(runner)
        return runner

    def _name_of_get(self, key: str) -> str:
        under_way = self.under_way
        if key in under_way:
            return "get of a key that is reloaded"
        return "get beside a reload" if under_way else "get in peace"

    def _saw(self, runner: PolicyRunner) -> None:
        newest: dict[str, int] = self._newest.__dict__
        before = newest.get(runner.key, 0)
        always(runner.generation >= before, IN_ORDER, runner=runner, before=before)
        newest[runner.key] = max(before, runner.generation)

    def decide(self, runner: PolicyRunner, timeout: float = 2.0) -> Decision | Refused:
        """``decide`` of a runner that was handed out, now or earlier.

        Raises:
            Exception: what its policy raised.
        """
        gone = runner.is_gone()
        outcome = runner.decide(timeout)
        if isinstance(outcome, Refused):
            return outcome
        always(not gone, NO_DECISION, runner=runner, decision=outcome)
        own = (outcome.key, outcome.generation) == (runner.key, runner.generation)
        always(own, OWN_DECISION, runner=runner, decision=outcome)
        return outcome

    # -- changing ------------------------------------------------------------------------------------------

    def source(self, source: RunnerSource, curious: Callable[[], object] | None = None) -> RunnerSource:
        """``source`` with a lookout before its policy."""
        return replace(source, make_policy=lambda: Lookout(source.make_policy(), curious))

    def start(self, key: str, source: RunnerSource) -> PolicyRunner | Refused:
        """``start``: what it returns is live."""
        runner = self.registry.start(key, source)
        if not isinstance(runner, Refused):
            self._saw(runner)
        return runner

    def reload(self, key: str, source: RunnerSource, timeout: float = 2.0) -> Swapped | Refused:
        """``reload``: the new runner is there for good, the old one is gone if that is said.

        Raises:
            RunnerFailed: the source failed; the key has a runner all the same.
        """
        self._begin(key)
        try:
            with self.timed("reload", CALL_WITHIN + min(timeout, RELOAD_WITHIN)):
                swapped = self.registry.reload(key, source, timeout)
        except RunnerFailed:
            always(self.get(key) is not None, KEEPS_OLD, key=key)
            raise
        finally:
            self._end(key)
        if isinstance(swapped, Refused):
            return swapped
        self._saw(swapped.runner)
        with self._lock:
            self._superseded.append(swapped.superseded)
        if swapped.stop.gone:
            always(swapped.superseded.is_gone(), STOP_IS_TRUE, runner=swapped.superseded, reply=swapped.stop)
            look_out(swapped.superseded).over = True
        return swapped

    def timed(self, name: str, within: float) -> AbstractContextManager[None]:
        """``with`` it around a start or a stop that may take ``within`` seconds."""
        return self.pace.timed(name, CALL_BOUNDED, within)

    def _begin(self, key: str) -> None:
        with self._lock:
            self.under_way |= {key}

    def _end(self, key: str) -> None:
        with self._lock:
            self.under_way -= {key}

    def _hear(self, change: Change) -> None:
        """The registry's listener: asks again, as listeners do."""
        self.changes += 1
        self.get(change.runner.key, may_be_none=True)

    # -- looking -------------------------------------------------------------------------------------------

    def look(self) -> bool:
        """Ground truth against the table, at any time; returns whether some key has two live runners."""
        census = self.registry.census()
        declared = {*census.registered.values(), *census.leaving}
        strays = [runner for runner in census.live if runner not in declared]
        always(not strays, ONE_LIVE, strays=strays)
        live: dict[str, list[PolicyRunner]] = {}
        for runner in census.live:
            live.setdefault(runner.key, []).append(runner)
        crowded = [runners for runners in live.values() if len(runners) > 2]
        always(not crowded, ONE_LIVE, crowded=crowded)
        return any(len(runners) == 2 for runners in live.values())

    def stop_all(self, timeout: float) -> bool:
        """``stop_all`` where no policy is stuck: nothing lives on."""
        self._ending = True
        reply = self.registry.stop_all(timeout)
        return nothing_lives(self.registry) and not reply.still_running

    def stopped_once(self) -> bool:
        """Look at all that were superseded, once everything is at rest."""
        with self._lock:
            wrong = [(runner, runner.stops) for runner in self._superseded if runner.stops != 1]
        return always(not wrong, ONCE, runners_and_stops=wrong)


def nothing_lives(registry: RunnerRegistry) -> bool:
    """After a ``stop_all`` that everybody obeyed: no runner is live or registered."""
    census = registry.census()
    none = not (census.live or census.registered or census.leaving)
    return always(none, NONE_LEFT, census=census)


def look_out(runner: PolicyRunner) -> Lookout:
    """The lookout of a runner that was made of :meth:`Swaps.source`."""
    assert isinstance(runner.policy, Lookout)
    return runner.policy
