"""The registry of runners with one defect planted in each: the canaries of the hot swap.

Each is a subclass that overrides one step of the swap. A docstring's first line names the defect; the promise
that it breaks is in ``soak.targets.swap_promises``.
"""

from __future__ import annotations

from soak.author import Refused
from soak.targets.mujoco_runs import StopState
from soak.targets.runner import PolicyRunner
from soak.targets.runner_registry import RunnerRegistry, Swapped, What
from soak.targets.runner_words import RunnerFailed, RunnerSource, RunnerStop


class StopUnderLock(RunnerRegistry):
    """All under the lock: the new runner is made, the old one stopped, and then the new one registered.

    Readers of every key wait for the whole stop and start; a listener that asks again waits for ever.
    """

    def _swap(self, key: str, old: PolicyRunner, source: RunnerSource, timeout: float) -> Swapped | Refused:
        with self._lock:
            fresh = self.make(key, source)
            refusal = self._refuse_closed("reload") or fresh.start()
            if refusal is not None:
                return refusal
            self._leaving[old.generation] = old
            stop = self._retire(old, timeout)
            self._table[key] = fresh
            self._tell(What.REGISTERED, fresh)
        return Swapped(runner=fresh, superseded=old, stop=stop)


class WaitUnderLock(RunnerRegistry):
    """The old runner is waited for under the lock: readers of every key wait for its last decision.

    Listeners are called without the lock, so that only a decision that asks the registry waits for ever.
    """

    def _swap(self, key: str, old: PolicyRunner, source: RunnerSource, timeout: float) -> Swapped | Refused:
        fresh = self.make(key, source)
        with self._lock:
            refusal = self._refuse_closed("reload") or self._enroll(fresh)
            if refusal is not None:
                return refusal
            self._leaving[old.generation] = old
            stop = old.stop(timeout)
        self._tell(What.REGISTERED, fresh)
        self._tell(What.STOPPED, old)
        return Swapped(runner=fresh, superseded=old, stop=stop)


class RemovedDuringSwap(RunnerRegistry):
    """The entry is taken out of the table while the new runner is made."""

    def _swap(self, key: str, old: PolicyRunner, source: RunnerSource, timeout: float) -> Swapped | Refused:
        with self._lock:
            self._table.pop(key, None)
        try:
            return super()._swap(key, old, source, timeout)
        except RunnerFailed:
            with self._lock:
                self._table[key] = old
            raise


class NeverStopped(RunnerRegistry):
    """The old runner is forgotten and never stopped."""

    def _swap(self, key: str, old: PolicyRunner, source: RunnerSource, timeout: float) -> Swapped | Refused:
        fresh = self.make(key, source)
        with self._lock:
            refusal = self._refuse_closed("reload") or self._enroll(fresh)
        if refusal is not None:
            return refusal
        self._tell(What.REGISTERED, fresh)
        stop = RunnerStop(
            key=key, generation=old.generation, state=StopState.STOPPED, decisions=old.decisions
        )
        return Swapped(runner=fresh, superseded=old, stop=stop)


class NoClosedFlag(RunnerRegistry):
    """Nothing remembers that all runners were stopped: a start that races ``stop_all`` stays alive."""

    def _refuse_closed(self, verb: str) -> Refused | None:
        return None


class FailureForgets(RunnerRegistry):
    """A reload that fails leaves nothing registered."""

    def _swap(self, key: str, old: PolicyRunner, source: RunnerSource, timeout: float) -> Swapped | Refused:
        try:
            return super()._swap(key, old, source, timeout)
        except RunnerFailed:
            with self._lock:
                self._table.pop(key, None)
            self._retire(old, timeout)
            raise


class HandedOutStopped(RunnerRegistry):
    """The old runner is stopped first: until the new one is registered, ``get`` hands out a stopped one."""

    def _swap(self, key: str, old: PolicyRunner, source: RunnerSource, timeout: float) -> Swapped | Refused:
        fresh = self.make(key, source)
        stop = self._retire(old, timeout)
        with self._lock:
            refusal = self._refuse_closed("reload") or self._enroll(fresh)
        if refusal is not None:
            return refusal
        self._tell(What.REGISTERED, fresh)
        return Swapped(runner=fresh, superseded=old, stop=stop)
