"""A policy runner: one thread that takes decisions from a policy over a MuJoCo model of its own.

Who may touch what: model and data belong to the runner's thread alone, from the start to its end. The lock of
``_wake`` guards the state and the waiting requests; the policy is called, and MuJoCo too, without it.
"""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_futures
from typing import Any

import mujoco

from soak.author import Refused, beat, doing
from soak.targets import mujoco_oracles
from soak.targets.mujoco_runs import Observation, Policy, StopState
from soak.targets.runner_words import Decision, RunnerFailed, RunnerSource, RunnerStop, Stage


class RunnerState(enum.Enum):
    """A runner's life goes one way."""

    NEW = "new"
    LIVE = "live"
    STOPPING = "stopping"


class LiveRunners:
    """Ground truth: which runners' threads are in their loop, kept by the loop itself and by nobody else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[int, PolicyRunner] = {}

    def enter(self, runner: PolicyRunner) -> None:
        with self._lock:
            self._live[id(runner)] = runner

    def leave(self, runner: PolicyRunner) -> None:
        with self._lock:
            self._live.pop(id(runner), None)

    def all(self) -> tuple[PolicyRunner, ...]:
        """The runners that are in their loop now."""
        with self._lock:
            return tuple(self._live.values())


class PolicyRunner:
    """Takes a decision whenever it is asked, and every ``period`` seconds by itself, until it is stopped.

    A policy that raises costs its decision, never the runner. Thread-safe; every method returns in bounded
    time, whatever the policy does and in whatever order they are called.
    """

    def __init__(
        self,
        *,
        key: str,
        generation: int,
        model: Any,
        policy: Policy,
        actuators: int,
        live: LiveRunners,
        period: float = 0.005,
    ) -> None:
        """Take over ``model``; nothing runs before :meth:`start`."""
        self.key = key
        self.generation = generation
        self.policy = policy
        self.decisions = 0
        self.failures = 0
        self.stops = 0
        #: When a stop was first asked for, on the monotonic clock; None before.
        self.stop_asked_at: float | None = None
        self._model = model
        self._data = mujoco.MjData(model)
        mujoco_oracles.belongs(model, self._data)
        self._actuators = actuators
        self._live = live
        self._period = period
        self._state = RunnerState.NEW
        self._wake = threading.Condition(threading.Lock())
        self._requests: deque[Future[Decision | Refused]] = deque()
        self._thread = threading.Thread(target=self._work, name=f"runner {key}", daemon=True)

    def __repr__(self) -> str:
        return f"PolicyRunner({self.key!r}, generation={self.generation}, {self._state.value})"

    def start(self) -> Refused | None:
        """Start the thread; refused if it was started or stopped before. Quick: a registry's lock is held.

        Raises:
            RunnerFailed: the policy does not fit the model, or there is no thread to be had.
        """
        with self._wake:
            if self._state is not RunnerState.NEW:
                because = f"it is {self._state.value} already"
                return Refused(what=f"start of {self.key}", because=because, remedy="make a new runner")
            if self._model.nu != self._actuators:
                why = f"its policy drives {self._actuators} actuators, its model has {self._model.nu}"
                raise RunnerFailed(self.key, Stage.START, why)
            try:
                self._thread.start()
            except RuntimeError as error:
                raise RunnerFailed(self.key, Stage.START, str(error)) from error
            self._state = RunnerState.LIVE
            return None

    def is_live(self) -> bool:
        """Whether it was started and not stopped yet."""
        return self._state is RunnerState.LIVE and self._thread.is_alive()

    def is_gone(self) -> bool:
        """Whether no thread of it runs and none will."""
        return self._state is RunnerState.STOPPING and not self._runs()

    def wait_gone(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for a stopped runner's thread; nobody waits for himself."""
        if self._runs() and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, timeout))
        return not self._runs()

    def decide(self, timeout: float = 2.0) -> Decision | Refused:
        """Have a decision taken. Refused once it is stopped, or when there is none after ``timeout`` seconds.

        Raises:
            Exception: whatever the policy raised.
        """
        with doing("decide"):
            request: Future[Decision | Refused] = Future()
            with self._wake:
                refusal = self._refuse_decision()
                if refusal is not None:
                    return refusal
                self._requests.append(request)
                self._wake.notify()
            wait_futures([request], timeout)
            if request.done():
                return request.result()
            request.cancel()
            return self._refusal(f"its policy has not decided within {timeout} s", "ask again, or reload it")

    def stop(self, timeout: float = 2.0) -> RunnerStop:
        """Let no further decision begin, and wait at most ``timeout`` seconds for the thread to end."""
        asked_at = time.monotonic()
        with doing("runner stop"):
            with self._wake:
                self.stops += 1
                if self.stop_asked_at is None:
                    self.stop_asked_at = asked_at
                ran = self._runs()
                self._state = RunnerState.STOPPING
                waiting, self._requests = self._requests, deque()
                self._wake.notify_all()
            for request in waiting:
                if request.set_running_or_notify_cancel():
                    request.set_result(self._refuse_stopped())
            state = StopState.STOPPED if self.wait_gone(timeout) else StopState.STILL_RUNNING
            return RunnerStop(
                key=self.key,
                generation=self.generation,
                state=state if ran else StopState.NOT_RUNNING,
                decisions=self.decisions,
            )

    # -- the runner's thread -------------------------------------------------------------------------------

    def _work(self) -> None:
        self._live.enter(self)
        try:
            with doing(f"runner of {self.key}"):
                while self._next():
                    pass
        finally:
            self._live.leave(self)

    def _next(self) -> bool:
        """Wait until a decision is asked for or due, and take it; False once it is to stop."""
        with self._wake:
            if self._state is not RunnerState.STOPPING and not self._requests:
                self._wake.wait(self._period)
            if self._state is RunnerState.STOPPING:
                return False
            request = self._requests.popleft() if self._requests else None
        self._take(request)
        return True

    def _take(self, request: Future[Decision | Refused] | None) -> None:
        """One decision, for ``request`` or for nobody. One that has begun is brought to its end."""
        asked = request is not None and request.set_running_or_notify_cancel()
        try:
            decision = self._decide()
        except Exception as error:  # noqa: BLE001 - whatever a policy raises belongs to who asked for it
            self.failures += 1
            if asked and request is not None:
                request.set_exception(error)
        else:
            if asked and request is not None:
                request.set_result(decision)

    def _decide(self) -> Decision:
        data = self._data
        action = self.policy(self._observation())
        data.ctrl[:] = action["qpos"]
        mujoco.mj_step(self._model, data)
        self.decisions += 1
        beat()
        return Decision(key=self.key, generation=self.generation, number=self.decisions, time=data.time)

    def _observation(self) -> Observation:
        data = self._data
        return {"time": data.time, "qpos": data.qpos.tolist(), "qvel": data.qvel.tolist()}

    def _runs(self) -> bool:
        return self._thread.is_alive()

    # -- the friendly no -----------------------------------------------------------------------------------

    def _refuse_decision(self) -> Refused | None:
        """Why no decision can be asked for now. The lock is held."""
        if self._state is RunnerState.STOPPING:
            return self._refuse_stopped()
        if self._state is RunnerState.NEW:
            return self._refusal("it has not been started", "start it first")
        if self._thread is threading.current_thread():
            return self._refusal("its own thread asks", "ask from another thread")
        return None

    def _refuse_stopped(self) -> Refused:
        return self._refusal("it is stopped", "get the runner that is registered now")

    def _refusal(self, because: str, remedy: str) -> Refused:
        return Refused(what=f"decision of {self.key}", because=because, remedy=remedy, robot=self.key)


def make_runner(key: str, generation: int, source: RunnerSource, live: LiveRunners) -> PolicyRunner:
    """A runner of ``source`` that is not started yet. Slow: parses, compiles, makes the policy.

    Raises:
        RunnerFailed: one of these failed.
    """
    spec = _attempt(key, Stage.PARSE, lambda: mujoco.MjSpec.from_string(source.model))
    model = _attempt(key, Stage.COMPILE, lambda: spec.compile())
    policy = _attempt(key, Stage.START, source.make_policy)
    return PolicyRunner(
        key=key, generation=generation, model=model, policy=policy, actuators=source.actuators, live=live
    )


def _attempt(key: str, stage: Stage, act: Callable[[], Any]) -> Any:
    try:
        return act()
    except Exception as error:
        raise RunnerFailed(key, stage, f"{type(error).__name__}: {error}") from error
