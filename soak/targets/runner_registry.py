"""The registry of policy runners, of which any can be swapped while others take decisions from it.

Who may touch what, under which lock:

* ``_lock``, a plain lock: the table, the runners that are leaving, the keys that are being changed, the
  closed flag. It is held for lookups and for "start the new one and register it", never while anything is
  parsed, compiled, stopped or waited for, nor while a listener is called: no ``get`` waits for a stop.
* A runner's own lock is taken inside of it, in a start, and never the other way round.

One key is started, reloaded or stopped by one caller at a time; whoever comes meanwhile is refused.
"""

from __future__ import annotations

import enum
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from soak.author import Refused, doing
from soak.targets import mujoco_native, mujoco_oracles, runner
from soak.targets.runner import LiveRunners, PolicyRunner, make_runner
from soak.targets.runner_words import RunnerSource, RunnerStop

#: The runner is perturbed with its registry.
SOAK_PERTURB_FILES = (runner.__file__,)


def soak_prepare(*, guard_malloc: bool) -> None:
    """The worker's hook, before anything else: oracles, SIGABRT for MuJoCo's ``exit(1)``, guard pages."""
    mujoco_native.abort_on_error()
    if guard_malloc:
        mujoco_native.guard_memory()
    mujoco_oracles.install()


class What(enum.Enum):
    """What a listener is told."""

    REGISTERED = "registered"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A runner was registered under its key, or is stopped as well as it could be."""

    what: What
    runner: PolicyRunner


Listener = Callable[[Change], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swapped:
    """A reload's answer: the runner that is registered now, and what became of the one before."""

    runner: PolicyRunner
    superseded: PolicyRunner
    stop: RunnerStop


@dataclass(frozen=True, slots=True, kw_only=True)
class AllStopped:
    """The honest answer to ``stop_all``: the runners whose threads did not end in time, and the seconds."""

    still_running: tuple[PolicyRunner, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """One moment: what is registered, what is declared to be leaving, and which runners really live."""

    registered: dict[str, PolicyRunner]
    leaving: tuple[PolicyRunner, ...]
    live: tuple[PolicyRunner, ...]


class RunnerRegistry:
    """``key`` to live runner. Thread-safe; every method may be called from listeners and from policies."""

    def __init__(self, listener: Listener | None = None) -> None:
        """``listener`` is called in the thread that makes a change, in no lock."""
        self._lock = threading.Lock()
        self._table: dict[str, PolicyRunner] = {}
        self._leaving: dict[int, PolicyRunner] = {}  # by generation
        self._turns: set[str] = set()
        self._closed = False
        self._generations = itertools.count(1)
        self._live = LiveRunners()
        self._listener = listener

    def get(self, key: str) -> PolicyRunner | None:
        """The runner that is registered under ``key``; None before its start and after its final stop."""
        with doing("get"), self._lock:
            return self._table.get(key)

    def start(self, key: str, source: RunnerSource) -> PolicyRunner | Refused:
        """Make a runner and register it under a key that has none.

        Raises:
            RunnerFailed: it could not be made or started; nothing is registered.
        """
        with doing("start"), self._turn("start", key, registered=False) as old:
            if isinstance(old, Refused):
                return old
            fresh = self.make(key, source)
            with self._lock:
                refusal = self._refuse_closed("start") or self._enroll(fresh)
            if refusal is not None:
                return refusal
            self._tell(What.REGISTERED, fresh)
            return fresh

    def reload(self, key: str, source: RunnerSource, timeout: float = 2.0) -> Swapped | Refused:
        """Swap the runner of ``key``: the new one is live and registered before the old one is stopped.

        The old one has ``timeout`` seconds to end; while it lives on, the key cannot be reloaded again.

        Raises:
            RunnerFailed: the new one could not be made or started; the old one is as before.
        """
        with doing("reload"), self._turn("reload", key, registered=True) as old:
            if old is None or isinstance(old, Refused):
                return old or self._refuse_missing("reload", key)
            return self._swap(key, old, source, timeout)

    def stop(self, key: str, timeout: float = 2.0) -> RunnerStop | Refused:
        """The final stop of ``key``: its runner is taken out of the table, then stopped."""
        with doing("stop"), self._turn("stop", key, registered=True) as old:
            if old is None or isinstance(old, Refused):
                return old or self._refuse_missing("stop", key)
            with self._lock:
                if self._table.pop(key, None) is None:
                    return self._refuse_closed("stop") or self._refuse_missing("stop", key)
                self._leaving[old.generation] = old
            return self._retire(old, timeout)

    def stop_all(self, timeout: float = 5.0) -> AllStopped:
        """Stop every runner for good; nothing is started afterwards. May be called again."""
        with doing("stop_all"):
            began = time.monotonic()
            registered, leaving = self._close()
            for each in registered:
                each.stop(0.0)
            for each in (*registered, *leaving):  # who is leaving is stopped by somebody else
                each.wait_gone(timeout - (time.monotonic() - began))
            for each in registered:
                self._tell(What.STOPPED, each)
            still = tuple(each for each in (*registered, *leaving) if not each.is_gone())
            return AllStopped(still_running=still, seconds=time.monotonic() - began)

    def make(self, key: str, source: RunnerSource) -> PolicyRunner:
        """A runner that is not started and registered nowhere. Slow: no lock is held.

        Raises:
            RunnerFailed: its source failed to parse, to compile, or to make its policy.
        """
        with doing("make a runner"):
            return make_runner(key, next(self._generations), source, self._live)

    def keys(self) -> tuple[str, ...]:
        """The keys that have a runner."""
        with self._lock:
            return tuple(self._table)

    def census(self) -> Census:
        """Table, leaving runners and ground truth, all of one moment."""
        with self._lock:
            self._forget_gone()
            return Census(
                registered=dict(self._table), leaving=tuple(self._leaving.values()), live=self._live.all()
            )

    # -- turns ---------------------------------------------------------------------------------------------

    @contextmanager
    def _turn(self, verb: str, key: str, *, registered: bool) -> Iterator[PolicyRunner | Refused | None]:
        """Give the caller the key for himself, with its runner; or say why not."""
        with self._lock:
            refusal = self._refuse_turn(verb, key, registered)
            if refusal is None:
                self._turns.add(key)
            old = self._table.get(key)
        if refusal is not None:
            yield refusal
            return
        try:
            yield old
        finally:
            with self._lock:
                self._turns.discard(key)

    def _refuse_turn(self, verb: str, key: str, registered: bool) -> Refused | None:
        """Why ``verb`` cannot begin on ``key`` now. The lock is held."""
        refusal = self._refuse_closed(verb)
        if refusal is not None:
            return refusal
        if key in self._turns:
            return self._refusal(verb, f"{key!r} is being changed by another caller", "try again", key)
        self._forget_gone()
        if any(each.key == key for each in self._leaving.values()):
            return self._refusal(verb, f"the runner before of {key!r} lives on", "wait until it ends", key)
        if registered and key not in self._table:
            return self._refuse_missing(verb, key)
        if not registered and key in self._table:
            return self._refusal(verb, f"{key!r} has a runner", "reload it, or stop it first", key)
        return None

    def _refuse_closed(self, verb: str) -> Refused | None:
        if not self._closed:
            return None
        return self._refusal(verb, "all runners were stopped for good", "make a new registry")

    def _refuse_missing(self, verb: str, key: str) -> Refused:
        return self._refusal(verb, f"{key!r} has no runner", "start one", key)

    def _refusal(self, verb: str, because: str, remedy: str, key: str | None = None) -> Refused:
        return Refused(what=verb, because=because, remedy=remedy, robot=key)

    # -- the swap ------------------------------------------------------------------------------------------

    def _swap(self, key: str, old: PolicyRunner, source: RunnerSource, timeout: float) -> Swapped | Refused:
        fresh = self.make(key, source)
        with self._lock:
            refusal = self._refuse_closed("reload") or self._enroll(fresh)
            if refusal is not None:
                return refusal
            self._leaving[old.generation] = old
        try:
            self._tell(What.REGISTERED, fresh)
        finally:
            stop = self._retire(old, timeout)
        return Swapped(runner=fresh, superseded=old, stop=stop)

    def _enroll(self, fresh: PolicyRunner) -> Refused | None:
        """Start and register, in this order, with the lock held: what does not start changes nothing."""
        refusal = fresh.start()
        if refusal is None:
            self._table[fresh.key] = fresh
        return refusal

    def _retire(self, old: PolicyRunner, timeout: float) -> RunnerStop:
        """Stop a runner that is registered no more. The lock is not held."""
        stop = old.stop(timeout)
        self._tell(What.STOPPED, old)
        return stop

    def _close(self) -> tuple[tuple[PolicyRunner, ...], tuple[PolicyRunner, ...]]:
        """Let nothing start any more; returns the runners that were registered, and those that leave."""
        with self._lock:
            self._closed = True
            self._forget_gone()
            registered, leaving = tuple(self._table.values()), tuple(self._leaving.values())
            self._leaving.update((each.generation, each) for each in registered)
            self._table.clear()
            return registered, leaving

    def _forget_gone(self) -> None:
        for generation, each in list(self._leaving.items()):
            if each.is_gone():
                del self._leaving[generation]

    def _tell(self, what: What, subject: PolicyRunner) -> None:
        if self._listener is not None:
            self._listener(Change(what=what, runner=subject))
