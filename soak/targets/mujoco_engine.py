"""The part of the simulation that runs policies: start, stop and close, and the policy loop.

Who may touch what, under which lock:

* ``_lock``, a re-entrant lock, the *scene lock*: the specification, model and data, the policy table, the
  barred robots, the closed flag. Every native call on the data is made while it is held, by whichever thread.
  A policy's own code is called *without* it, so that one that never returns blocks nobody.
* ``LiveWorkers.lock``, a leaf: ground truth, written by the policy loop.
* A run's ``stop`` event may be set by anybody. Its ``future`` is done only after its worker left the loop.

Nobody waits for a worker while holding the scene lock: the worker needs it to take its last step.

The guard (:mod:`soak.targets.mujoco_guard`) and the act it guards are one critical section of the scene lock.
So are the check of a start and its registration; hence "no policy runs" stays true until the act is complete.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import mujoco

from soak.author import Refused, doing
from soak.targets import mujoco_oracles, mujoco_scene
from soak.targets.mujoco_guard import Guard, Unfit
from soak.targets.mujoco_runs import (
    Action,
    Closed,
    Ending,
    LastStep,
    LiveWorkers,
    Observation,
    Policy,
    PolicyResult,
    PolicyRun,
    PolicyWindow,
    StopReply,
    StopState,
)
from soak.targets.mujoco_scene import World


class SceneClosed(RuntimeError):
    """The scene of an engine that is closed was asked for."""


class Engine(Guard):
    """Runs policies on the robots of one world. Its verbs and views are added by the classes below it."""

    def __init__(self, world: World, *, period: float, workers: int) -> None:
        """Take over ``world``; pace policies to a decision per ``period`` seconds, ``workers`` at a time."""
        super().__init__(workers)
        self._live = LiveWorkers()
        self._started = 0
        self._period = period
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="policy")
        self._spec: Any = None
        self._model: Any = None
        self._data: Any = None
        self._generation = 0
        self._swap(world)

    # -- policies ----------------------------------------------------------------------------------------

    def start_policy(
        self, robot: str, policy: Policy, *, seconds: float | None = None, steps: int | None = None
    ) -> PolicyRun | Refused:
        """Run ``policy`` on a worker thread until ``seconds`` of wall time or ``steps`` are over."""
        with doing("start_policy"):
            return self._start(robot, policy, seconds, steps)

    def run_policy(
        self, robot: str, policy: Policy, *, seconds: float | None = None, steps: int | None = None
    ) -> PolicyResult | Refused:
        """Run ``policy`` in the calling thread until it is over; a policy that raises ends its run only."""
        with doing("run_policy"):
            with self._lock:
                refusal = self._refuse_start(robot, "run_policy")
                if refusal is not None:
                    return refusal
                run = self._new_run(robot, policy, seconds, steps, blocking=True)
                run.future.set_running_or_notify_cancel()
                self._register(run)
            return self._run_here(run)

    def stop_policy(self, robot: str, timeout: float = 2.0) -> StopReply:
        """Ask ``robot``'s policy to stop, and wait until its worker is gone, at most ``timeout`` seconds."""
        with doing("stop_policy"):
            with self._lock:
                run = self._table.get(robot)
                if run is None or not self._holds(run):
                    return StopReply(robot=robot, state=StopState.NOT_RUNNING, number=None, steps=0)
            stuck = self._end((run,), timeout)
            state = StopState.STILL_RUNNING if stuck else StopState.STOPPED
            return StopReply(robot=robot, state=state, number=run.number, steps=run.steps)

    def running(self) -> tuple[str, ...]:
        """The policy table: the robots that the engine believes a policy is running on."""
        with self._lock:
            return tuple(run.robot for run in self._table.values() if self._holds(run))

    # -- ground truth ------------------------------------------------------------------------------------

    def live_workers(self) -> dict[str, tuple[int, ...]]:
        """Ground truth: the numbers of the runs that are inside the policy loop, of each robot with any."""
        return self._live.by_robot()

    def unregistered_workers(self) -> tuple[int, ...]:
        """Live runs that the policy table does not hold at the same moment: there must be none, ever."""
        with self._lock:
            live = self._live.numbers()
            held = {run.number for run in self._table.values() if self._holds(run)}
            return tuple(sorted(live.keys() - held))

    def last_step_of(self, robot: str) -> LastStep | None:
        """Ground truth: the run that stepped last for ``robot``, and how many steps its runs took in all."""
        return self._live.last_step(robot)

    def policy_window(self, robot: str | None = None) -> PolicyWindow:
        """``with`` it around a call: was one run (of ``robot``, if given) live from before until after it?"""
        return PolicyWindow(self._live, robot)

    # -- the end -----------------------------------------------------------------------------------------

    def close(self, timeout: float = 5.0) -> Closed:
        """Stop every policy, wait at most ``timeout`` seconds, and give the world up if nobody is left in it.

        May be called again, for instance to learn whether a worker that did not end has ended since.
        """
        with doing("close"):
            began = time.monotonic()
            with self._lock:
                self._closed = True
                runs = tuple(run for run in self._table.values() if self._holds(run))
            stuck = self._end(runs, timeout)
            self._pool.shutdown(wait=not stuck)
            if not stuck:
                self._drop_world()
            still = tuple(run.robot for run in stuck)
            return Closed(still_running=still, seconds=time.monotonic() - began)

    @contextmanager
    def scene(self) -> Iterator[tuple[Any, Any]]:
        """``with sim.scene() as (model, data):`` holds the scene lock. Keep neither after the block.

        For readers outside of policies, such as ``mjv_updateScene``, which crashes against a step.

        Raises:
            SceneClosed: the engine is closed.
        """
        with self._lock:
            if self._closed:
                raise SceneClosed("the simulation is closed; make a new one")
            yield self._model, self._data

    # -- starting ----------------------------------------------------------------------------------------

    def _start(
        self, robot: str, policy: Policy, seconds: float | None, steps: int | None
    ) -> PolicyRun | Refused:
        with self._lock:
            refusal = self._refuse_start(robot, "start_policy")
            if refusal is not None:
                return refusal
            run = self._new_run(robot, policy, seconds, steps, blocking=False)
            run.future = self._submit(run)
            self._register(run)
            return run

    def _new_run(
        self, robot: str, policy: Policy, seconds: float | None, steps: int | None, *, blocking: bool
    ) -> PolicyRun:
        self._started += 1
        return PolicyRun(
            robot=robot,
            number=self._started,
            policy=policy,
            seconds=seconds,
            max_steps=steps,
            blocking=blocking,
        )

    def _submit(self, run: PolicyRun) -> Future[PolicyResult]:
        return self._pool.submit(self._work, run)

    def _register(self, run: PolicyRun) -> None:
        self._table[run.robot] = run

    # -- the policy loop ---------------------------------------------------------------------------------

    def _run_here(self, run: PolicyRun) -> PolicyResult:
        try:
            result = self._work(run)
        except BaseException as error:
            run.future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return run.result(Ending.RAISED, f"{type(error).__name__}: {error}")
        run.future.set_result(result)
        return result

    def _work(self, run: PolicyRun) -> PolicyResult:
        """The policy loop: observe, decide, act, until the run is over. In the worker's thread."""
        run.begin()
        self._live.enter(run)
        try:
            with doing(f"policy of {run.robot}"):
                self._begin(run)
                ending = self._loop(run)
        finally:
            self._live.leave(run)
        return run.result(ending)

    def _begin(self, run: PolicyRun) -> None:
        """The worker is about to take its first decision."""

    def _loop(self, run: PolicyRun) -> Ending:
        while not run.stop.is_set():
            if run.ran_out():
                return Ending.RAN_OUT
            observation = self._look(run)
            if observation is None:
                break
            action = run.policy(observation)
            if not self._act(run, action):
                break
            run.stop.wait(self._period)
        return Ending.STOPPED

    def _look(self, run: PolicyRun) -> Observation | None:
        with self._lock:
            return None if run.stop.is_set() else self._observation(run.robot)

    def _act(self, run: PolicyRun, action: Action) -> bool:
        """Take one step with ``action``, unless the run has been asked to stop since it looked."""
        with self._lock:
            if run.stop.is_set():
                return False
            self._data.ctrl[list(self._parts[run.robot].ctrl)] = action["qpos"]
            mujoco.mj_step(self._model, self._data)
            run.steps += 1
            self._live.stepped(run)
            return True

    def _observation(self, robot: str) -> Observation:
        part, data = self._parts[robot], self._data
        return {
            "time": data.time,
            "qpos": data.qpos[list(part.qpos)].tolist(),
            "qvel": data.qvel[list(part.qvel)].tolist(),
        }

    # -- stopping ----------------------------------------------------------------------------------------

    def _end(self, runs: Sequence[PolicyRun], timeout: float) -> tuple[PolicyRun, ...]:
        """Ask ``runs`` to stop and wait for their workers; returns those that are still there.

        The scene lock is not held: a worker needs it to see that it shall stop.
        """
        deadline = time.monotonic() + timeout
        for run in runs:
            self._ask_to_stop(run)
        return tuple(run for run in runs if not self._wait_gone(run, deadline - time.monotonic()))

    def _ask_to_stop(self, run: PolicyRun) -> None:
        run.stop.set()

    def _wait_gone(self, run: PolicyRun, timeout: float) -> bool:
        """Whether ``run``'s worker is gone after at most ``timeout`` seconds. Nobody waits for himself."""
        if run.thread == threading.get_ident():
            return run.done()
        return run.wait(max(0.0, timeout))

    def _drain_then_mutate(
        self,
        verb: str,
        robots: Sequence[str],
        timeout: float,
        act: Callable[[], object],
        unfit: Unfit | None = None,
    ) -> Refused | None:
        """End the policies of ``robots`` and keep new ones away; then go through the guard like any other."""
        with doing(verb):
            with self._lock:
                self._barred.update(robots)
                runs = tuple(run for run in self._table.values() if run.robot in robots)
            try:
                self._drain(runs, timeout)
                return self._mutate(verb, None, act, unfit)
            finally:
                with self._lock:
                    self._barred.subtract(robots)

    def _drain(self, runs: Sequence[PolicyRun], timeout: float) -> None:
        """End ``runs`` so that the guard lets the removal pass. Without the scene lock."""
        self._end(runs, timeout)

    # -- the world ---------------------------------------------------------------------------------------

    def _swap(self, world: World) -> None:
        """Put a new world in place of the old one, whole. The scene lock is held."""
        self._spec, self._model, self._data = world.spec, world.model, world.data
        self._index(world)

    def _index(self, world: World) -> None:
        """Learn where each robot lies in the new model."""
        mujoco_oracles.belongs(world.model, world.data)
        self._parts = mujoco_scene.parts_of(world)
        self._generation += 1

    def _drop_world(self) -> None:
        with self._lock:
            self._spec = self._model = self._data = None
