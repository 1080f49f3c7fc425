"""The simulation with one defect planted in each: the canaries of the guard, of start, stop and close.

Each is a subclass that overrides one protected step of the engine, so that the engine itself has no switch.
A docstring's first line names the defect; the promise that it breaks is in ``soak.targets.promises`` or among
the oracles of ``soak.targets.mujoco_oracles``.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import mujoco

from soak.author import Refused, doing
from soak.targets.mujoco_guard import Unfit
from soak.targets.mujoco_runs import Closed, Policy, PolicyRun
from soak.targets.mujoco_scene import World
from soak.targets.mujoco_sim import MujocoSim


class NoGuard(MujocoSim):
    """The guard lets every mutation pass."""

    def _require_no_running_policy(self, robot: str | None, verb: str) -> Refused | None:
        return None


class GuardThenAct(MujocoSim):
    """Guard and act are two steps, and only the first one holds the lock."""

    def _mutate(
        self, verb: str, robot: str | None, act: Callable[[], object], unfit: Unfit | None = None
    ) -> Refused | None:
        with doing(verb):
            with self._lock:
                refusal = self._refuse_mutation(verb, robot, unfit)
            if refusal is None:
                act()
            return refusal


class RegisteredLate(MujocoSim):
    """The future is registered after the submit, in a window in which nobody holds the lock."""

    def _start(
        self, robot: str, policy: Policy, seconds: float | None, steps: int | None
    ) -> PolicyRun | Refused:
        with self._lock:
            refusal = self._refuse_start(robot, "start_policy")
            if refusal is not None:
                return refusal
            run = self._new_run(robot, policy, seconds, steps, blocking=False)
        run.future = self._submit(run)
        with self._lock:
            self._register(run)
        return run


class BlindToBlocking(MujocoSim):
    """The guard knows future-backed policies only."""

    def _holds(self, run: PolicyRun) -> bool:
        return not run.blocking and super()._holds(run)


class LostStop(MujocoSim):
    """A stop only lowers a flag, which the worker raises as it begins: right after a start it is lost."""

    def _begin(self, run: PolicyRun) -> None:
        run.stop.clear()

    def _wait_gone(self, run: PolicyRun, timeout: float) -> bool:
        return True


class EarlyAnswer(MujocoSim):
    """A stop answers before the worker is gone."""

    def _wait_gone(self, run: PolicyRun, timeout: float) -> bool:
        return True


class DoubleStart(MujocoSim):
    """A second start on a robot whose policy runs is accepted."""

    def _refuse_double(self, verb: str, robot: str) -> Refused | None:
        return None


class CloseWithoutJoin(MujocoSim):
    """A close drops the world and joins nobody, so that workers step on."""

    def close(self, timeout: float = 5.0) -> Closed:
        with doing("close"):
            with self._lock:
                self._closed = True
            self._pool.shutdown(wait=False)
            self._drop_world()
            return Closed(still_running=(), seconds=0.0)


class SwapInTwoSteps(MujocoSim):
    """The model is swapped, then comes a native call, then the data is swapped."""

    def _swap(self, world: World) -> None:
        self._spec, self._model = world.spec, world.model
        if self._data is not None:
            mujoco.mj_forward(self._model, self._data)
        self._data = world.data
        self._index(world)


class RemovalDeadlock(MujocoSim):
    """A removal joins the worker while it holds the lock that the worker needs for its last look."""

    def _drain(self, runs: Sequence[PolicyRun], timeout: float) -> None:
        with self._lock:
            for run in runs:
                self._ask_to_stop(run)
                run.wait()


class StaleAfterRaise(MujocoSim):
    """A policy that raised counts as running for ever."""

    def _holds(self, run: PolicyRun) -> bool:
        return super()._holds(run) or run.future.exception() is not None


class _Leaky(MujocoSim):
    """Leaks something at every tenth close, the third one first."""

    _closes: ClassVar[itertools.count[int]]

    def __init_subclass__(cls) -> None:
        cls._closes = itertools.count(1)

    def close(self, timeout: float = 5.0) -> Closed:
        if next(self._closes) % 10 == 3:
            self._leak()
        return super().close(timeout)

    def _leak(self) -> None:
        raise AssertionError("unreachable: each subclass says what it leaks")


class LeakedThread(_Leaky):
    """One thread in ten closes stays, waiting for what never comes."""

    def _leak(self) -> None:
        threading.Thread(target=threading.Event().wait, name="leaked-watcher", daemon=True).start()


class LeakedDescriptor(_Leaky):
    """One descriptor in ten closes stays open."""

    def _leak(self) -> None:
        os.open(os.devnull, os.O_RDONLY)


class LeakedMemory(_Leaky):
    """A hundred kilobytes in ten closes stay referenced from a list that nobody empties."""

    _kept: ClassVar[list[bytearray]] = []

    def _leak(self) -> None:
        self._kept.append(bytearray(os.urandom(100_000)))


class RendererClosedElsewhere(MujocoSim):
    """A renderer is closed by another thread than the one that made and used it."""

    def close_native_renderer(self, native: Any) -> None:
        closer = threading.Thread(target=native.close, name="renderer-closer")
        closer.start()
        closer.join()


class RenderersNeverClosed(MujocoSim):
    """Renderers are kept in a list that nobody empties: memory grows, descriptors do not."""

    _kept: ClassVar[list[Any]] = []

    def close_native_renderer(self, native: Any) -> None:
        self._kept.append(native)
