"""An engine is closed, its scene reloaded, its robots removed, all while policies run and others call."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import soak
from soak.targets import policies
from soak.targets.mujoco_runs import Closed, PolicyRun
from soak.targets.promises import CLOSE, Dealings
from soak.targets.protocol import simulation

#: The robot that everybody starts and stops, and the one that only the ending thread touches.
OWN, SHARED = "left", "right"
ROBOTS = (SHARED, OWN)

MADE_AGAIN = "an engine can be made again after the end of another"
ENDS_ALL = CLOSE.promise("close ends every policy that returns")
SAYS_WHO = CLOSE.promise("close names the robots whose workers did not end")
STAYS_CLOSED = CLOSE.promise("a worker let go after a close takes no further step")
REFUSES = "an engine that is closed refuses everything"
RELOADS = "a reload that is to stop the policies is accepted once they are gone"
RELOAD_ENDS = "a reload ends every policy of the old scene"
STUCK_STAYS = "a robot is not removed while its policy does not end"
#: Seconds for what takes milliseconds, and for what is not going to happen.
SURELY, IN_VAIN = 60.0, 0.02


@dataclass(slots=True, kw_only=True)
class House:
    """The engine that lives now, the thread that helps to end it, and the policies that never return."""

    target: Any
    helper: ThreadPoolExecutor
    now: Dealings | None = None
    stuck: list[policies.NeverReturns] = field(default_factory=list)


@soak.scenario(
    seconds=1.5,
    target="soak.targets.mujoco_sim:MujocoSim",
    threads=1,
    uses=("start", "stop", "running", "close"),
)
def close_while_running(target: Any, rng: random.Random) -> Generator[House, None, None]:
    """Close, reload and removal with live policies: none outlives it, none steps a dead world.

    One thread makes an engine, starts policies, and ends it in one of several ways, over and over. Others
    start, stop, mutate and observe until they are refused. Some policies do not return until they are let go.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="helper") as helper:
        house = House(target=target, helper=helper)
        yield house
        for policy in house.stuck:
            policy.release()
        if house.now is not None:
            house.now.sim.close(SURELY)


mid_run = close_while_running.sometimes("a close met a policy that was stepping")
met = {
    "start": close_while_running.sometimes("a close met the start of a policy"),
    "stop": close_while_running.sometimes("a close met the stop of a policy"),
    "blocking run": close_while_running.sometimes("a close met a blocking policy", uses=("run",)),
    "mutation": close_while_running.sometimes("a close met a mutation", uses=("mutations",)),
}
twice = close_while_running.sometimes("two threads closed one engine")
from_within = close_while_running.sometimes("a policy closed its own engine", uses=("reentrant",))
named = close_while_running.sometimes("a close named a worker that did not end", uses=("timeout",))
let_go = close_while_running.sometimes("a worker ended after its engine had been closed", uses=("timeout",))
reloaded = close_while_running.sometimes("a scene was loaded over running policies", uses=("reload",))
removed = close_while_running.sometimes("a robot was removed with its policy", uses=("remove",))
kept = close_while_running.sometimes(
    "a robot was kept because its policy did not end", uses=("remove", "timeout")
)
told = close_while_running.sometimes("another thread was told that the engine is closed")


def make(house: House, rng: random.Random) -> tuple[Dealings, PolicyRun | None]:
    """A new engine with a policy on each robot, given to the others; and the run on the own robot."""
    dealings = house.now = Dealings(simulation(house.target))
    policy = rng.choice((policies.mock(), policies.sinusoid(), policies.slow(seconds=0.002)))
    outcome = dealings.start(OWN, policy, seconds=SURELY)
    accepted = isinstance(outcome, PolicyRun)
    soak.always(accepted, MADE_AGAIN, refusal=str(outcome))
    dealings.start(SHARED, policies.mock(), seconds=SURELY)
    time.sleep(rng.choice((0.0, rng.uniform(0.0, 0.01))))
    return dealings, outcome if isinstance(outcome, PolicyRun) else None


def end(dealings: Dealings, timeout: float = SURELY) -> Closed:
    """Close, and see that it is so."""
    over = dealings.edges.over()
    stepping = any(dealings.sim.live_workers().values())
    closed = dealings.close(timeout, ROBOTS)
    mid_run(stepping and closed.clean)
    for edge in dealings.edges.met(over) & met.keys():
        met[edge]()
    return closed


def end_surely(dealings: Dealings, rng: random.Random) -> None:
    """Close where every policy returns: it is clean, and what comes afterwards is refused."""
    closed = end(dealings)
    soak.always(closed.clean, ENDS_ALL, still_running=closed.still_running)
    sim = dealings.sim
    replies = (
        sim.start_policy(OWN, policies.mock(), steps=1),
        sim.run_policy(OWN, policies.mock(), steps=1),
        *(mutation(rng, OWN) for mutation in sim.mutations[:1]),
        sim.observe(OWN),
        sim.step(),
    )
    soak.always(all(isinstance(reply, soak.Refused) for reply in replies), REFUSES, replies=replies)
    time.sleep(rng.choice((0.0, 0.003)))
    dealings.no_step_after_close()


@close_while_running.operation(weight=2.0)
def close(house: House, rng: random.Random) -> None:
    """Close from the thread that made the engine."""
    dealings, _ = make(house, rng)
    end_surely(dealings, rng)


@close_while_running.operation()
def close_twice(house: House, rng: random.Random) -> None:
    """Close from two threads at the same time."""
    dealings, _ = make(house, rng)
    other = house.helper.submit(dealings.close, SURELY, ROBOTS)
    end_surely(dealings, rng)
    soak.always(other.result().clean, ENDS_ALL, still_running=other.result().still_running)
    twice()


@close_while_running.operation(uses=("reentrant",))
def close_from_within(house: House, rng: random.Random) -> None:
    """Close from a policy: it cannot wait for itself, and says so."""
    dealings = house.now = Dealings(simulation(house.target))
    replies: list[Closed] = []
    decide = policies.mock()

    def shut(observation: Any) -> Any:
        replies.append(dealings.sim.close(SURELY))
        return decide(observation)

    run = dealings.start(OWN, shut, seconds=SURELY)
    if soak.always(isinstance(run, PolicyRun), MADE_AGAIN, refusal=str(run)) and isinstance(run, PolicyRun):
        run.wait(SURELY)
        soak.always(all(OWN in reply.still_running for reply in replies), SAYS_WHO, replies=replies)
        from_within(replies)
    end_surely(dealings, rng)


@close_while_running.operation(uses=("timeout",))
def close_in_vain(house: House, rng: random.Random) -> None:
    """Close while a policy does not return: the worker is named, and takes no step once it is let go."""
    dealings, run = make(house, rng)
    if run is None:
        return
    dealings.stop(OWN, run, timeout=SURELY)
    stuck = stick(house, dealings)
    if stuck is None:
        return
    policy, run = stuck
    closed = end(dealings, IN_VAIN)
    soak.always(OWN in closed.still_running, SAYS_WHO, closed=closed)
    named(not closed.clean)
    steps = run.steps
    policy.release()
    run.wait(SURELY)
    soak.always(run.done() and run.steps == steps, STAYS_CLOSED)
    let_go(run.done())
    end_surely(dealings, rng)


@close_while_running.operation(uses=("reload",))
def reload(house: House, rng: random.Random) -> None:
    """Load a scene over running policies; the own robot is free afterwards."""
    dealings, run = make(house, rng)
    known = dealings.accepted()
    refusal = dealings.sim.load_scene(rng.choice(("two_arms", "workbench")), stop=True, timeout=SURELY)
    soak.always(refusal is None, RELOADS, refusal=str(refusal))
    alive = [each for each in known if not each.done()]
    soak.always(not alive, RELOAD_ENDS, runs=alive)
    reloaded(run is not None)
    again = dealings.start(OWN, policies.mock(), steps=1)
    soak.always(isinstance(again, PolicyRun), MADE_AGAIN, refusal=str(again))
    end_surely(dealings, rng)


@close_while_running.operation(uses=("remove",))
def remove(house: House, rng: random.Random) -> None:
    """Remove the own robot with its policy, then the shared one with whatever others started on it."""
    dealings, _ = make(house, rng)
    dealings.stop(SHARED)
    for robot in (OWN, SHARED):
        removed(dealings.remove(robot, timeout=SURELY) is None)
    end_surely(dealings, rng)


@close_while_running.operation(weight=0.5, uses=("remove", "timeout"))
def remove_in_vain(house: House, rng: random.Random) -> None:
    """A policy that does not return keeps its robot from being removed, and then from nothing."""
    dealings = house.now = Dealings(simulation(house.target))
    stuck = stick(house, dealings)
    if stuck is None:
        return
    policy, run = stuck
    refusal = dealings.remove(OWN, timeout=IN_VAIN)
    soak.always(refusal is not None and OWN in dealings.sim.robots(), STUCK_STAYS, refusal=str(refusal))
    kept()
    policy.release()
    run.wait(SURELY)
    end_surely(dealings, rng)


def stick(house: House, dealings: Dealings) -> tuple[policies.NeverReturns, PolicyRun] | None:
    """Start a policy that never returns on the own robot, and wait until it is inside."""
    policy = policies.never_returns()
    house.stuck.append(policy)
    run = dealings.start(OWN, policy, seconds=SURELY)
    if isinstance(run, soak.Refused):
        soak.always(False, MADE_AGAIN, refusal=str(run))
        return None
    policy.entered.wait(SURELY)
    return policy, run


# -- the others --------------------------------------------------------------------------------------------

#: Verbs whose draws ask the scene only once, so that a close in between leaves nothing to choose from.
VERBS = {"set_gravity", "reset", "load_scene", "add_robot", "set_body_mass", "set_joint_positions"}


@close_while_running.operation(threads=2)
def disturb(house: House, rng: random.Random) -> object:
    """Start, stop, mutate and observe whatever engine lives now, until it says that it is closed."""
    dealings = house.now
    if dealings is None:
        time.sleep(0.0005)
        return None
    outcome: object
    match rng.randrange(6):
        case 0:
            outcome = dealings.start(SHARED, policies.mock(), steps=rng.randint(1, 20))
        case 1:
            outcome = dealings.stop(SHARED)
        case 2:
            outcome = dealings.run(SHARED, policies.mock(), steps=rng.randint(1, 5))
        case 3:
            outcome = dealings.sim.observe(rng.choice(ROBOTS))
        case 4:
            verbs = [each for each in dealings.sim.mutations if each.name in VERBS]
            outcome = None
            if known := verbs or dealings.sim.mutations:
                outcome = dealings.mutate(rng.choice(known), rng, SHARED).outcome
        case _:
            outcome = None
            dealings.look()
    if isinstance(outcome, soak.Refused) and "closed" in outcome.because:
        told()
        time.sleep(0.0005)  # the next engine is made in the meantime
    return outcome
