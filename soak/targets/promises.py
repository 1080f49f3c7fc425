"""What a policy-driven engine owes its callers: each promise stated once, checked by its effects.

The scenarios call the engine through these functions. Whatever the schedule, none of the checks fails on a
correct engine: each rests on ground truth that frames the call (a run that was live before and after it was
registered during all of it) or on facts that stay true once they are (a run that is done).

Standard library only: the engine is handed in.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from soak.author import Refused, always, beat, guarantee
from soak.targets.edges import Edges
from soak.targets.mujoco_runs import (
    Action,
    Closed,
    LastStep,
    Observation,
    Policy,
    PolicyResult,
    PolicyRun,
    StopReply,
)
from soak.targets.policies import PolicyFailed

if TYPE_CHECKING:
    from soak.targets.mujoco_mutations import Mutation
    from soak.targets.mujoco_sim import MujocoSim

#: What stands or falls together: one defect breaks whichever of its promises the schedule comes to first.
SCENE = guarantee("a running policy has its scene for itself")
TABLE = guarantee("a robot has one policy at a time, and the policy table knows it")
STOP = guarantee("a policy that is said to be stopped has ended")
CLOSE = guarantee("a close ends every policy, or names it")

REFUSED = SCENE.promise("a mutation is refused while a policy that it concerns runs")
UNCHANGED = SCENE.promise("nothing that belongs to a running policy changes under it")
TAKES_EFFECT = "an accepted mutation changes the scene"
ONE_WORKER = TABLE.promise("a robot has at most one live worker")
REGISTERED = TABLE.promise("every live worker is in the policy table")
SECOND_START = TABLE.promise("a start is refused while the robot's policy runs")
TABLE_AGREES = TABLE.promise("the policy table agrees with what really runs")
STOP_IS_TRUE = STOP.promise("stop_policy says that a policy is gone only when its worker is gone")
NO_STEP_AFTER_STOP = STOP.promise("a stopped policy takes no further step")
RUN_IS_OVER = "run_policy returns only when its worker is gone"
REMOVAL_ENDS = SCENE.promise("a robot is removed only when its policy's worker is gone")
CLOSE_ENDS = CLOSE.promise("a close that says it is clean has ended every worker")
DEAD_WORLD = CLOSE.promise("nothing steps a world that is closed")
FAILS_ITSELF = SCENE.promise("a run fails only where its policy fails")

#: What an engine that is closed says of its scene, instead of what it holds.
CLOSED = (("", ("closed",)),)

#: So many stopped runs are watched for further steps.
WATCHED = 64


class Lookout:
    """A policy that wraps another and looks, at each decision, from within a live run."""

    def __init__(self, sim: MujocoSim, robot: str, policy: Policy) -> None:
        self._sim = sim
        self._robot = robot
        self._policy = policy
        self._first: object = None

    def __call__(self, observation: Observation) -> Action:
        sim, robot = self._sim, self._robot
        mine = sim.scene_version().part((robot,))
        if self._first is None:
            self._first = mine
        # A close tells the policies and only then waits: their last decisions may see that it has begun.
        always(mine in (self._first, CLOSED), UNCHANGED, robot=robot, before=self._first, now=mine)
        workers = sim.live_workers().get(robot, ())
        always(len(workers) <= 1, ONE_WORKER, robot=robot, workers=workers)
        beat()
        return self._policy(observation)


class Dealings:
    """One engine's callers, with what they have to remember between calls. Thread-safe."""

    def __init__(self, sim: MujocoSim) -> None:
        self.sim = sim
        self.edges = Edges()
        self._lock = threading.Lock()
        self._accepted: dict[str, list[PolicyRun]] = {}
        self._stopped: deque[tuple[PolicyRun, int]] = deque(maxlen=WATCHED)
        self._last_steps: dict[str, LastStep | None] = {}

    # -- starting and stopping -----------------------------------------------------------------------------

    def start(self, robot: str, policy: Policy, **length: Any) -> PolicyRun | Refused:
        """``start_policy``: no second worker for one robot, however many ask."""
        with self._lock:
            earlier = tuple(self._accepted.get(robot, ()))
        self.edges.begin("start", robot)
        with self.sim.policy_window(robot) as window:
            outcome = self.sim.start_policy(robot, Lookout(self.sim, robot, policy), **length)
        self.edges.end("start", robot)
        if isinstance(outcome, Refused):
            return outcome
        alive = [run.number for run in earlier if not run.done()]
        always(not alive and not window.running_throughout, SECOND_START, robot=robot, running=alive)
        with self._lock:
            runs = self._accepted.setdefault(robot, [])
            runs[:] = [run for run in runs if not run.done()] + [outcome]
        outcome.future.add_done_callback(lambda future: self._done(outcome))
        return outcome

    def _done(self, run: PolicyRun) -> None:
        error = None if run.future.cancelled() else run.future.exception()
        always(error is None or isinstance(error, PolicyFailed), FAILS_ITSELF, run=run, error=repr(error))
        self.edges.passed(ending_of(run), run.robot)

    def run(self, robot: str, policy: Policy, **length: Any) -> PolicyResult | Refused:
        """``run_policy``, in the calling thread."""
        self.edges.begin("blocking run", robot)
        with self.sim.policy_window(robot) as window:
            outcome = self.sim.run_policy(robot, Lookout(self.sim, robot, policy), **length)
        self.edges.end("blocking run", robot)
        if isinstance(outcome, Refused):
            return outcome
        always(not window.running_throughout, SECOND_START, robot=robot)
        workers = self.sim.live_workers().get(robot, ())
        always(outcome.number not in workers, RUN_IS_OVER, robot=robot, workers=workers)
        failed_itself = not outcome.error or outcome.error.startswith(PolicyFailed.__name__)
        always(failed_itself, FAILS_ITSELF, robot=robot, error=outcome.error)
        self.edges.passed(outcome.ending.value, robot)
        return outcome

    def stop(self, robot: str, run: PolicyRun | None = None, timeout: float = 2.0) -> StopReply:
        """``stop_policy``; ``run`` is one that was accepted for ``robot`` before."""
        self.edges.begin("stop", robot)
        with self.sim.policy_window(robot) as window:
            reply = self.sim.stop_policy(robot, timeout)
        self.edges.end("stop", robot)
        gone = not reply.still_running
        always(not (gone and window.running_throughout), STOP_IS_TRUE, reply=reply)
        if run is not None and gone:
            # It was in the table when its start returned, and only one that is done makes room there.
            always(run.done(), STOP_IS_TRUE, run=run, reply=reply)
        if run is not None and (gone or reply.number == run.number):
            # One that is still there has been told: only a step that it was in the middle of may come.
            with self._lock:
                self._stopped.append((run, run.steps + (0 if gone else 1)))
        return reply

    def no_step_after_stop(self) -> bool:
        """Look at the runs that were stopped of late."""
        with self._lock:
            stopped = tuple(self._stopped)
        further = [(run, steps) for run, steps in stopped if run.steps > steps]
        return always(not further, NO_STEP_AFTER_STOP, run_and_its_steps_when_stopped=further)

    def remove(self, robot: str, timeout: float = 2.0) -> Refused | None:
        """``remove_robot`` with its policy: when it is done, nothing of it lives on."""
        with self._lock:
            earlier = tuple(self._accepted.get(robot, ()))
        self.edges.begin("removal", robot)
        with self.sim.policy_window(robot) as window:
            outcome = self.sim.remove_robot(robot, stop=True, timeout=timeout)
        self.edges.end("removal", robot)
        if outcome is None:
            alive = [run.number for run in earlier if not run.done()]
            always(not alive and not window.running_throughout, REMOVAL_ENDS, robot=robot, running=alive)
        return outcome

    def accepted(self) -> tuple[PolicyRun, ...]:
        """The runs whose start was accepted, but for those that were done when a later one was."""
        with self._lock:
            return tuple(run for runs in self._accepted.values() for run in runs)

    def close(self, timeout: float, robots: Iterable[str]) -> Closed:
        """``close``; the ``robots`` are watched for steps that come afterwards."""
        earlier = self.accepted()
        self.edges.begin("close", "")
        closed = self.sim.close(timeout)
        self.edges.end("close", "")
        if closed.clean:
            workers = self.sim.live_workers()
            alive = [run for run in earlier if not run.done()]
            always(not workers and not alive, CLOSE_ENDS, workers=workers, runs=alive)
            with self._lock:
                self._last_steps = {robot: self.sim.last_step_of(robot) for robot in robots}
        return closed

    def no_step_after_close(self) -> bool:
        """Look whether anybody stepped since :meth:`close` said that it is clean."""
        with self._lock:
            last_steps = dict(self._last_steps)
        now = {robot: self.sim.last_step_of(robot) for robot in last_steps}
        return always(now == last_steps, DEAD_WORLD, then=last_steps, now=now)

    # -- changing ------------------------------------------------------------------------------------------

    def mutate(self, mutation: Mutation, rng: random.Random, robot: str) -> Seen:
        """One mutation, drawn with ``rng``: refused and without effect, or accepted and with effect."""
        sim = self.sim
        over = self.edges.over()
        self.edges.begin("mutation", robot)
        with sim.policy_window() as window:
            before = sim.scene_version()
            outcome = mutation(rng, robot)
            after = sim.scene_version()
        self.edges.end("mutation", robot)
        live = window.robots
        concerned = mutation.scope == "scene" or robot in live
        if live:
            if concerned:
                always(outcome is not None, REFUSED, verb=mutation.name, robot=robot, running=live)
            mine, now = before.part(live), after.part(live)
            always(now in (mine, CLOSED), UNCHANGED, verb=mutation.name, running=live, before=mine, now=now)
        if outcome is None and sim.sees_effect(mutation.scope):
            always(before != after, TAKES_EFFECT, verb=mutation.name, robot=robot)
        return Seen(outcome, bool(live) and concerned, bool(live), self.edges.met(over))

    # -- looking -------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ground truth against ground truth and against the table, at any time."""
        workers = self.sim.live_workers()
        crowded = {robot: numbers for robot, numbers in workers.items() if len(numbers) > 1}
        always(not crowded, ONE_WORKER, workers=crowded)
        # Twice, for a worker may end between the engine's look at the truth and that at its table; one that
        # is a stray in two looks was live, hence in need of its place, at the end of the first.
        strays = set(self.sim.unregistered_workers()) & set(self.sim.unregistered_workers())
        always(not strays, REGISTERED, strays=strays)

    def stop_all(self) -> bool:
        """Stop whatever runs; whether the table and the truth then agree that nothing does."""
        robots = set(self.sim.robots()) | set(self.sim.live_workers()) | set(self.sim.running())
        replies = [self.stop(robot, timeout=10.0) for robot in sorted(robots)]
        settled = not self.sim.running() and not self.sim.live_workers()
        return settled or any(reply.still_running for reply in replies)


class Seen:
    """What a mutation met: its outcome, whether a policy that concerned it, or any, ran during all of it."""

    __slots__ = ("concerned", "met", "outcome", "running")

    def __init__(self, outcome: Refused | None, concerned: bool, running: bool, met: frozenset[str]) -> None:
        self.outcome = outcome
        self.concerned = concerned
        self.running = running
        self.met = met


def ending_of(run: PolicyRun) -> str:
    """How a run that is done came to its end, in the words of ``Ending``."""
    if run.future.cancelled() or run.future.exception() is not None:
        return "raised"
    return run.future.result().ending.value
