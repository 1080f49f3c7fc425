"""The simulation with answers that are right one by one, mostly, and that no order explains together."""

from __future__ import annotations

import threading
import time
from typing import Any

from soak.author import Refused, doing
from soak.targets.mujoco_runs import StopReply, StopState
from soak.targets.mujoco_sim import MujocoSim


class CachedGuard(MujocoSim):
    """The guard of mutations looks at a copy of the policy table that is up to a millisecond old."""

    _copied_at = 0.0
    _copy: Refused | None = None

    def _require_no_running_policy(self, robot: str | None, verb: str) -> Refused | None:
        if robot is not None:
            return super()._require_no_running_policy(robot, verb)
        now = time.monotonic()
        if now - self._copied_at > 0.001:
            self._copied_at = now
            self._copy = super()._require_no_running_policy(None, verb)
        return self._copy


class ImpatientStop(MujocoSim):
    """A stop that meets another one says that nothing was running, while the worker is still there."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._stopping: dict[str, threading.Lock] = {}

    def stop_policy(self, robot: str, timeout: float = 2.0) -> StopReply:
        with self._lock:
            turn = self._stopping.setdefault(robot, threading.Lock())
        if not turn.acquire(blocking=False):
            with doing("stop_policy"):
                return StopReply(robot=robot, state=StopState.NOT_RUNNING, number=None, steps=0)
        try:
            return super().stop_policy(robot, timeout)
        finally:
            turn.release()
