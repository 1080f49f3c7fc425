"""Thousands of mutations of every verb, while policies start, finish, fail and are stopped among them."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import soak
from soak.targets import policies
from soak.targets.mujoco_runs import Ending, PolicyRun
from soak.targets.promises import NO_STEP_AFTER_STOP, TABLE_AGREES, Dealings
from soak.targets.protocol import simulation

if TYPE_CHECKING:
    from soak.targets.mujoco_sim import MujocoSim

#: Seconds of the long policy, and of the storm: it begins before the policy and ends after it.
LONG, STORM = 5.0, 6.5
#: Seconds of the beginning in which no policy starts, so that mutations of the scene pass on any machine.
CALM = 0.15
#: Where the long policy runs. Short ones run there too, but nobody stops or removes anything there.
HOST = "left"
GUEST_AT = (-1.5, 0.0, 0.0)


@dataclass(slots=True, kw_only=True)
class Storm:
    """An iteration's engine; the long policy starts ``long_after`` seconds after it was ``made``."""

    sim: MujocoSim
    dealings: Dealings
    long_after: float
    made: float
    long: PolicyRun | None = None

    def age(self) -> float:
        return time.monotonic() - self.made

    def wait_calm_over(self) -> None:
        """For whoever starts short policies."""
        time.sleep(max(0.0, CALM - self.age()))


@soak.scenario(
    seconds=STORM,
    target="soak.targets.mujoco_sim:MujocoSim",
    threads=2,
    uses=("start", "stop", "running", "mutations", "close"),
)
def mutation_storm(target: Any, rng: random.Random) -> Generator[Storm, None, None]:
    """A policy of five seconds under a storm of mutations: all are refused, none takes effect.

    Before, during and after it, short policies start, run out, fail, block and are stopped, and robots come
    and go. Where no policy that it concerns runs, a mutation is accepted, and takes effect.
    """
    sim = simulation(target)
    sim.add_robot("guest-0", GUEST_AT)
    now = time.monotonic()
    yield Storm(sim=sim, dealings=Dealings(sim), long_after=CALM + rng.uniform(0.2, 0.6), made=now)
    sim.close()


refused = mutation_storm.sometimes("a mutation was refused while a policy ran throughout")
accepted_beside = mutation_storm.sometimes(
    "a robot's mutation was accepted while another's policy ran", uses=("robot_mutations", "second_robot")
)
accepted_idle = mutation_storm.sometimes("a mutation of the scene was accepted")
met = {
    "start": mutation_storm.sometimes("a mutation met the start of a policy"),
    "stop": mutation_storm.sometimes("a mutation met the stop of a policy", uses=("second_robot",)),
    "ran out": mutation_storm.sometimes("a mutation met the end of a policy that ran out"),
    "raised": mutation_storm.sometimes("a mutation met the end of a policy that raised"),
    "blocking run": mutation_storm.sometimes("a mutation met a blocking policy", uses=("run",)),
    "removal": mutation_storm.sometimes(
        "a mutation met the removal of a robot with its policy", uses=("remove",)
    ),
}
endured = mutation_storm.sometimes("the policy of five seconds ran out under the storm")


@mutation_storm.operation(threads=3)
def mutate(storm: Storm, rng: random.Random) -> soak.Refused | None:
    """Any verb, on any robot, from a thread that never started a policy."""
    sim = storm.sim
    mutation = rng.choice(sim.mutations)
    seen = storm.dealings.mutate(mutation, rng, rng.choice(sim.robots()))
    refused(seen.concerned and seen.outcome is not None)
    if seen.outcome is None:
        accepted_beside(seen.running)
        accepted_idle(mutation.scope == "scene")
    for edge in seen.met & met.keys():
        met[edge]()
    return seen.outcome


@mutation_storm.operation(threads=1)
def five_seconds(storm: Storm, rng: random.Random) -> object:
    """Start the long policy in the storm, and see it through."""
    if storm.long is None:
        time.sleep(0.002)
        if storm.age() < storm.long_after:
            return None
        outcome = storm.dealings.start(HOST, policies.sinusoid(), seconds=LONG)
        if isinstance(outcome, soak.Refused):
            return outcome
        storm.long = outcome
    if storm.long.done():
        time.sleep(0.05)
    elif storm.long.wait(0.05):
        endured(storm.long.future.result().ending is Ending.RAN_OUT)
    return None


@mutation_storm.operation(threads=1)
def observe(storm: Storm, rng: random.Random) -> object:
    """Read what a policy reads, beside it, and look at the ground truth."""
    time.sleep(rng.uniform(0.0, 0.004))
    storm.dealings.look()
    storm.dealings.no_step_after_stop()
    return storm.sim.observe(rng.choice(storm.sim.robots()))


@mutation_storm.operation()
def run_out(storm: Storm, rng: random.Random) -> object:
    """A policy that ends by itself within milliseconds."""
    storm.wait_calm_over()
    robot = rng.choice(storm.sim.robots())
    outcome = storm.dealings.start(robot, policies.mock(), steps=rng.randint(1, 12))
    if isinstance(outcome, soak.Refused):
        time.sleep(0.002)
        return outcome
    return outcome.wait(rng.uniform(0.0, 0.02))


@mutation_storm.operation()
def fail(storm: Storm, rng: random.Random) -> object:
    """A policy that raises."""
    storm.wait_calm_over()
    robot = rng.choice(storm.sim.robots())
    outcome = storm.dealings.start(robot, policies.raising(after=rng.randint(0, 6)), seconds=1.0)
    if isinstance(outcome, soak.Refused):
        time.sleep(0.002)
        return outcome
    return outcome.wait(0.02)


@mutation_storm.operation(uses=("second_robot",))
def start_then_stop(storm: Storm, rng: random.Random) -> object:
    """A policy that is stopped, at once or a little later."""
    storm.wait_calm_over()
    robot = rng.choice([name for name in storm.sim.robots() if name != HOST])
    outcome = storm.dealings.start(robot, policies.mock(), seconds=1.0)
    if isinstance(outcome, soak.Refused):
        time.sleep(0.002)
        storm.dealings.stop(robot)
        return outcome
    time.sleep(rng.choice((0.0, rng.uniform(0.0, 0.01))))
    return storm.dealings.stop(robot, outcome)


@mutation_storm.operation(uses=("run",))
def block(storm: Storm, rng: random.Random) -> object:
    """A policy that runs in the caller's thread, to its end or to its failure."""
    storm.wait_calm_over()
    robot = rng.choice(storm.sim.robots())
    policy = rng.choice((policies.mock(), policies.slow(seconds=0.001), policies.raising(after=3)))
    return storm.dealings.run(robot, policy, steps=rng.randint(1, 12))


@mutation_storm.operation(weight=0.5, uses=("remove",))
def remove_with_policy(storm: Storm, rng: random.Random) -> object:
    """A robot comes, gets a policy, and is taken away with it."""
    storm.wait_calm_over()
    guests = [name for name in storm.sim.robots() if name.startswith("guest")]
    if not guests:
        return storm.sim.add_robot("guest-0", GUEST_AT)
    guest = rng.choice(guests)
    storm.dealings.start(guest, policies.mock(), seconds=1.0)
    return storm.dealings.remove(guest)


@mutation_storm.check(TABLE_AGREES)
def agrees(storm: Storm) -> bool:
    return storm.dealings.stop_all()


@mutation_storm.check(NO_STEP_AFTER_STOP)
def no_further_step(storm: Storm) -> bool:
    return storm.dealings.no_step_after_stop()
