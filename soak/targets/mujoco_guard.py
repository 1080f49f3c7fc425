"""The guard: who may change the scene, and who may start a policy, while policies run.

It keeps the policy table and the scene lock, and answers with friendly refusals. See
:mod:`soak.targets.mujoco_engine` for who may touch what under which lock; what is protected here expects its
caller to hold the scene lock.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from soak.author import Refused, doing
from soak.targets.mujoco_runs import PolicyRun
from soak.targets.mujoco_scene import Part

#: Says, with the scene lock held, what else is in a mutation's way.
Unfit = Callable[[], Refused | None]


class Guard:
    """The policy table, and every "no" that follows from it."""

    def __init__(self, workers: int) -> None:
        self._lock = threading.RLock()
        self._table: dict[str, PolicyRun] = {}
        self._barred: Counter[str] = Counter()
        self._parts: dict[str, Part] = {}
        self._closed = False
        self._workers = workers

    # -- mutations ---------------------------------------------------------------------------------------

    def _require_no_running_policy(self, robot: str | None, verb: str) -> Refused | None:
        """The one guard: None when no policy runs on ``robot`` (None: on any), future-backed or blocking.

        The scene lock is held by the caller, and stays held until the guarded act is complete.
        """
        return self._refuse_running(robot, verb)

    def _refuse_running(self, robot: str | None, verb: str) -> Refused | None:
        for run in self._table.values():
            if (robot is None or run.robot == robot) and self._holds(run):
                return Refused(
                    what=verb,
                    because=f"a policy is running on robot {run.robot!r}",
                    remedy=f"call stop_policy({run.robot!r}) first, or wait until its run is done",
                    robot=run.robot,
                )
        return None

    def _holds(self, run: PolicyRun) -> bool:
        """Whether the guard counts ``run`` as running."""
        return not run.future.done()

    def _mutate(
        self, verb: str, robot: str | None, act: Callable[[], object], unfit: Unfit | None = None
    ) -> Refused | None:
        """Check and act in one critical section. Every mutation comes through here.

        ``unfit`` says, with the lock held, what else is in the way: a name that is not there, or is already.
        """
        with doing(verb), self._lock:
            refusal = self._refuse_mutation(verb, robot, unfit)
            if refusal is None:
                act()
            return refusal

    def _refuse_mutation(self, verb: str, robot: str | None, unfit: Unfit | None) -> Refused | None:
        return (
            self._refuse_closed(verb)
            or self._require_no_running_policy(robot, verb)
            or (unfit() if unfit is not None else None)
        )

    def _refuse_closed(self, verb: str) -> Refused | None:
        if not self._closed:
            return None
        return Refused(what=verb, because="the simulation is closed", remedy="make a new one")

    def _refuse_unknown(self, verb: str, kind: str, name: str, known: Sequence[str]) -> Refused | None:
        if name in known:
            return None
        there = ", ".join(known) or "none"
        return Refused(what=verb, because=f"there is no {kind} {name!r}", remedy=f"choose one of: {there}")

    # -- starts ------------------------------------------------------------------------------------------

    def _robots(self) -> tuple[str, ...]:
        return tuple(robot for robot in self._parts if robot)

    def _refuse_start(self, robot: str, verb: str) -> Refused | None:
        """Why no policy can start on ``robot`` now. The scene lock is held."""
        return (
            self._refuse_closed(verb)
            or self._refuse_unknown(verb, "robot", robot, self._robots())
            or self._refuse_barred(verb, robot)
            or self._refuse_double(verb, robot)
            or self._refuse_full(verb)
        )

    def _refuse_barred(self, verb: str, robot: str) -> Refused | None:
        if not self._barred[robot]:
            return None
        remedy = "wait until that is done, then look whether the robot is still there"
        return Refused(what=verb, because=f"robot {robot!r} is being removed or reloaded", remedy=remedy)

    def _refuse_double(self, verb: str, robot: str) -> Refused | None:
        return self._refuse_running(robot, verb)

    def _refuse_full(self, verb: str) -> Refused | None:
        if sum(self._holds(run) for run in self._table.values()) < self._workers:
            return None
        because = f"all {self._workers} policy workers are busy"
        return Refused(what=verb, because=because, remedy="stop a policy first, or make room with workers=")
