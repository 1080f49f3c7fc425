"""A thread of pure Python starves one that steps MuJoCo: slow, but neither of them hangs."""

import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import mujoco

import soak

#: In each call, and in each wait for a sensor, the spinner takes the GIL, and gives it back only after
#: Python's switch interval of 5 ms. Alone all of them take 0.5 s, beside the spinner 5 s and more. The waits
#: keep it starved where others' load takes the processor from the spinner now and then.
_CALLS, _STEPS_A_CALL, _SENSOR_S = 400, 100, 0.001
_SPINS = 50_000

_SCENE = '<mujoco><worldbody><body><joint type="hinge"/><geom size=".1"/></body></worldbody></mujoco>'


@dataclass(frozen=True)
class World:
    """One model and its data, stepped by one thread."""

    model: Any
    data: Any


@soak.scenario(seconds=20.0, hang_after=1.5)
def starvation(target: object, rng: random.Random) -> Generator[World, None, None]:
    """An operation lasts far over its limit, with progress all along, because another holds the GIL."""
    model = mujoco.MjModel.from_xml_string(_SCENE)
    yield World(model, mujoco.MjData(model))


@starvation.operation(threads=1)
def step(world: World, rng: random.Random) -> None:
    for _ in range(_CALLS):
        time.sleep(_SENSOR_S)
        mujoco.mj_step(world.model, world.data, nstep=_STEPS_A_CALL)
        soak.beat()
        if soak.stopping():
            return


@starvation.operation(threads=1)
def spin(world: World, rng: random.Random) -> None:
    for _ in range(_SPINS):
        pass
