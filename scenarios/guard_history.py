"""Starts, stops and mutations from many threads: together, some order of them explains every answer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import soak
from soak import models
from soak.targets import policies
from soak.targets.mujoco_runs import StopReply

if TYPE_CHECKING:
    from soak.targets.mujoco_sim import MujocoSim

ROBOTS = ("left", "right")
#: The whole simulation is one object: a change of the scene concerns every robot's policy.
SIM = "simulation"
#: Seconds for a stop, which takes milliseconds.
SURELY = 5.0


@dataclass(slots=True, kw_only=True)
class Guarded:
    """An iteration's engine, and the runs that a stop said are over."""

    sim: MujocoSim
    over: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


@soak.scenario(
    seconds=0.5, target="soak.targets.mujoco_sim:MujocoSim", threads=4, uses=("start", "stop", "run_numbers")
)
def guard_history(target: Any, rng: random.Random) -> Generator[Guarded, None, None]:
    """Whatever starts, stops and mutations answer, one order of them explains all answers.

    Each answer alone may be right and all of them together wrong: no single call can tell. Policies end by a
    stop only, so that nothing changes but by a call.
    """
    sim = target()
    yield Guarded(sim=sim)
    sim.close()


guard = guard_history.history(models.policy_table(), name="guard")
double = guard_history.sometimes("a second start was refused")
nothing_there = guard_history.sometimes("a stop found nothing to stop")
two_stops = guard_history.sometimes("two stops ended one policy")
in_the_way = guard_history.sometimes("a mutation was refused because of a policy")
changed = guard_history.sometimes("a mutation of the scene was accepted between policies")
beside = guard_history.sometimes("a robot was changed, perhaps while the other one's policy ran")


def breathe(rng: random.Random) -> None:
    """Mostly not at all; else long enough for a policy to take steps."""
    if rng.random() < 0.3:
        time.sleep(rng.uniform(0.0, 0.002))


@guard_history.operation(weight=2.0)
def start(guarded: Guarded, rng: random.Random) -> object:
    """A policy that only a stop ends."""
    robot = rng.choice(ROBOTS)
    with guard.call(SIM, "start", robot) as call:
        answer = guarded.sim.start_policy(robot, policies.mock())
        call.reply = models.REFUSED if isinstance(answer, soak.Refused) else answer.number
    double(call.reply == models.REFUSED)
    breathe(rng)
    return answer


@guard_history.operation(weight=2.0)
def stop(guarded: Guarded, rng: random.Random) -> StopReply:
    """The end of whatever runs; one that gave up waiting has an end that nobody knows."""
    robot = rng.choice(ROBOTS)
    with guard.call(SIM, "stop", robot) as call:
        answer = guarded.sim.stop_policy(robot, SURELY)
        call.reply = soak.UNKNOWN if answer.still_running else answer.number
    nothing_there(answer.was_not_running)
    if answer.stopped and answer.number is not None:
        with guarded.lock:
            two_stops(answer.number in guarded.over)
            guarded.over.add(answer.number)
    breathe(rng)
    return answer


@guard_history.operation()
def change_scene(guarded: Guarded, rng: random.Random) -> object:
    """A mutation that every policy is in the way of."""
    with guard.call(SIM, "mutate", None) as call:
        answer = guarded.sim.set_gravity([0.0, 0.0, rng.uniform(-10.0, -1.0)])
        call.reply = models.DONE if answer is None else answer.robot
    in_the_way(call.reply in ROBOTS)
    changed(answer is None)
    return answer


@guard_history.operation()
def change_robot(guarded: Guarded, rng: random.Random) -> object:
    """A mutation that only this robot's own policy is in the way of."""
    robot = rng.choice(ROBOTS)
    with guard.call(SIM, "mutate", robot) as call:
        answer = guarded.sim.set_joint_positions(robot, [rng.uniform(-1.0, 1.0) for _ in range(2)])
        call.reply = models.DONE if answer is None else answer.robot
    beside(answer is None and guarded.sim.running())
    return answer
