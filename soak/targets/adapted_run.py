"""One run of a policy on somebody else's engine, with ground truth from the policy itself.

Nobody but the engine knows when its worker begins and ends. But the policy is soak's: a worker that is inside
a decision lives, and one that begins a decision has lived until then. What is claimed here rests on that; the
engine's own word counts only where it is the promise.

Standard library only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from soak.author import always
from soak.targets.mujoco_runs import Ending, LiveWorkers, Policy, PolicyRun

#: Seconds that a decision takes at least, so that a worker can be met inside of one.
DWELL = 0.001
#: Seconds between two questions to the engine whether a run is over.
GLANCE = 0.0005

ONE_CALLER = "one worker at a time calls a policy"


class AdaptedRun(PolicyRun):
    """A run on an adapted engine. ``steps`` counts the decisions that have begun."""

    def __init__(
        self,
        *,
        robot: str,
        number: int,
        policy: Policy,
        seconds: float | None,
        blocking: bool,
        live: LiveWorkers,
        act: Callable[[Any], Any],
        listed: Callable[[], bool],
    ) -> None:
        """``act(observation)`` is the engine's kind of action; ``listed()``, whether the engine says that a
        policy runs on the robot."""
        super().__init__(
            robot=robot, number=number, policy=policy, seconds=seconds, max_steps=None, blocking=blocking
        )
        self._live = live
        self._act = act
        self._listed = listed
        self._lock = threading.Lock()
        self._inside = 0
        self._raised: BaseException | None = None
        self._handle: Any = None
        self._told_over = False
        self._settled = False

    # -- in the engine's worker ----------------------------------------------------------------------------

    def decide(self, observation: Any) -> Any:
        """What the engine calls as its policy."""
        with self._lock:
            alone = not self._inside
            self._inside += 1
            self.steps += 1
        self.thread = threading.get_ident()
        self._live.enter(self)
        self._live.stepped(self)
        try:
            always(alone, ONE_CALLER, run=self)
            time.sleep(DWELL)
            # Soak's policies look at the time only; what the engine observes is the engine's affair.
            self.policy({"time": self.seconds, "qpos": [], "qvel": []})
            return self._act(observation)
        except BaseException as error:
            self._raised = error
            raise
        finally:
            with self._lock:
                self._inside -= 1
                last = not self._inside
            if last:
                self._live.leave(self)

    # -- elsewhere -----------------------------------------------------------------------------------------

    def accept(self, handle: Any) -> None:
        """The engine has accepted the start; ``handle`` is its Future, or None where it promises none."""
        self._handle = handle
        if handle is not None:
            handle.add_done_callback(lambda _handle: self.done())

    def tell_over(self, *, stopped: bool) -> None:
        """The engine has said, in whatever way, that this run is over."""
        if stopped:
            self.stop.set()
        self._told_over = True
        self._settle()

    def done(self) -> bool:
        """Whether the engine says that the run is over, and it is not seen to live."""
        if self._inside:
            return False
        if not self._told_over:
            over = self._handle.done() if self._handle is not None else not self._listed()
            if not over or self._inside:
                return False
            self._told_over = True
        self._settle()
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """As in the base class, by asking again and again."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.done():
            if until is not None and time.monotonic() >= until:
                return False
            time.sleep(GLANCE)
        return True

    def ending(self) -> Ending:
        """How it ended, as far as can be told."""
        if self._raised is not None:
            return Ending.RAISED
        return Ending.STOPPED if self.stop.is_set() else Ending.RAN_OUT

    def error(self) -> str:
        """What the policy raised, or ""."""
        return "" if self._raised is None else f"{type(self._raised).__name__}: {self._raised}"

    def _settle(self) -> None:
        """Set the future, once; its callbacks run here."""
        with self._lock:
            settled, self._settled = self._settled, True
        if settled:
            return
        if self._raised is not None:
            self.future.set_exception(self._raised)
        else:
            self.future.set_result(self.result(self.ending(), self.error()))
