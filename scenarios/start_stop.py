"""Policies are started and stopped as fast as it goes, from several threads, over several robots."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import soak
from soak.targets import policies
from soak.targets.mujoco_runs import PolicyRun
from soak.targets.promises import NO_STEP_AFTER_STOP, TABLE_AGREES, Dealings
from soak.targets.protocol import simulation

if TYPE_CHECKING:
    from soak.targets.mujoco_sim import MujocoSim

#: The robot that everybody starts and stops, and the one that a single thread has for itself.
SHARED, OWN = "left", "right"
#: Verbs that do not recompile: a storm of short critical sections between the transitions.
QUICK = {"set_gravity", "set_timestep", "reset", "set_geom", "set_joint_positions", "apply_force"}

RESTARTS = "a robot whose policy has been stopped can be started again at once"
STOPS_NOTHING = "a stop of an idle robot says that nothing was running"


@dataclass(slots=True, kw_only=True)
class Pair:
    """An iteration's engine and its callers' memory."""

    sim: MujocoSim
    dealings: Dealings
    own: PolicyRun | None = None


@soak.scenario(
    seconds=1.0,
    target="soak.targets.mujoco_sim:MujocoSim",
    threads=3,
    uses=("start", "stop", "running", "close"),
)
def start_stop(target: Any, rng: random.Random) -> Generator[Pair, None, None]:
    """Start, stop, start, stop: one live worker per robot at most, and none that steps once it is stopped.

    Stops right after starts, double starts, stops of what is not running, blocking runs that are stopped from
    outside, and mutations in between.
    """
    sim = simulation(target)
    yield Pair(sim=sim, dealings=Dealings(sim))
    sim.close()


at_once = start_stop.sometimes("a stop came right after the start")
under_way = start_stop.sometimes("a stop met a policy that had stepped")
nothing_there = start_stop.sometimes("a stop found nothing to stop")
double = start_stop.sometimes("a second start was refused")
contended = start_stop.sometimes("two threads started one robot at the same time")
two_stops = start_stop.sometimes("two threads stopped one robot at the same time")
blocking_stopped = start_stop.sometimes("a blocking policy was stopped by another thread", uses=("run",))
restarted = start_stop.sometimes("a stopped robot was started again at once", uses=("second_robot",))
changed = start_stop.sometimes("a mutation was accepted between two policies", uses=("mutations",))


@start_stop.operation()
def start_then_stop(pair: Pair, rng: random.Random) -> object:
    """Start the shared robot, and stop it at once or after some steps."""
    dealings = pair.dealings
    over = dealings.edges.over()
    run = dealings.start(SHARED, policies.mock(), seconds=5.0)
    contended(dealings.edges.contended(over, f"start {SHARED}"))
    if isinstance(run, soak.Refused):
        double(run.robot == SHARED)
        return run
    if rng.random() < 0.5:
        at_once()
    else:
        time.sleep(rng.uniform(0.0, 0.003))
    over = dealings.edges.over()
    stopped = dealings.stop(SHARED, run)
    two_stops(dealings.edges.contended(over, f"stop {SHARED}"))
    under_way(stopped.stopped and stopped.steps > 0)
    dealings.no_step_after_stop()
    return stopped


@start_stop.operation(weight=0.5)
def stop_whatever(pair: Pair, rng: random.Random) -> object:
    """Stop the shared robot without having started it."""
    time.sleep(rng.uniform(0.0, 0.002))
    over = pair.dealings.edges.over()
    reply = pair.dealings.stop(SHARED)
    two_stops(pair.dealings.edges.contended(over, f"stop {SHARED}"))
    nothing_there(reply.was_not_running)
    return reply


@start_stop.operation(weight=0.5, uses=("run",))
def block(pair: Pair, rng: random.Random) -> object:
    """A blocking run on the shared robot, which others stop, or which ends by itself."""
    outcome = pair.dealings.run(SHARED, policies.mock(), steps=rng.randint(1, 20))
    if isinstance(outcome, soak.Refused):
        return outcome
    blocking_stopped(outcome.ending.value == "stopped")
    return outcome


@start_stop.operation(weight=0.5)
def end_by_itself(pair: Pair, rng: random.Random) -> object:
    """A policy on the shared robot that runs out or fails while others try to stop it."""
    policy = rng.choice((policies.mock(), policies.raising(after=rng.randint(0, 3))))
    outcome = pair.dealings.start(SHARED, policy, steps=rng.randint(1, 8))
    return outcome.wait(0.02) if isinstance(outcome, PolicyRun) else outcome


@start_stop.operation(threads=1, uses=("second_robot",))
def own_robot(pair: Pair, rng: random.Random) -> object:
    """One thread alone with a robot: every reply is known beforehand, unless a stop gave up waiting."""
    dealings = pair.dealings
    free = pair.own is None or pair.own.done()
    run = dealings.start(OWN, policies.mock(), seconds=5.0)
    if isinstance(run, soak.Refused):
        soak.always(not free, RESTARTS, refusal=str(run))
        return run
    pair.own = run
    if rng.random() < 0.5:
        run.wait(rng.uniform(0.0, 0.003))
    reply = dealings.stop(OWN, run)
    if reply.still_running:
        return reply
    again = dealings.start(OWN, policies.mock(), steps=2)
    if isinstance(again, soak.Refused):
        soak.always(False, RESTARTS, reply=reply, refusal=str(again))
        return again
    restarted()
    pair.own = again
    if again.wait(1.0):
        idle = dealings.stop(OWN)
        soak.always(idle.was_not_running, STOPS_NOTHING, reply=idle)
    return reply


@start_stop.operation(threads=1, uses=("mutations",))
def mutate(pair: Pair, rng: random.Random) -> object:
    """Mutations in between; those that recompile are rare, for the others are to race."""
    time.sleep(rng.uniform(0.0, 0.001))
    wanted = rng.random() < 0.05
    mutations = [each for each in pair.sim.mutations if (each.name not in QUICK) == wanted]
    seen = pair.dealings.mutate(rng.choice(mutations or pair.sim.mutations), rng, rng.choice((SHARED, OWN)))
    changed(seen.outcome is None)
    return seen.outcome


@start_stop.invariant("a robot has at most one live worker, and the policy table holds it", every=0.002)
def one_worker(pair: Pair) -> bool:
    pair.dealings.look()
    return True


@start_stop.check(TABLE_AGREES)
def agrees(pair: Pair) -> bool:
    return pair.dealings.stop_all()


@start_stop.check(NO_STEP_AFTER_STOP)
def no_further_step(pair: Pair) -> bool:
    return pair.dealings.no_step_after_stop()
