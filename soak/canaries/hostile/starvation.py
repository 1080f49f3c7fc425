"""A thread of pure Python starves one that steps MuJoCo: slow, but neither of them hangs."""

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import mujoco

import soak

#: 0.15 ms a call: long enough that the spinner takes the GIL meanwhile, and gives it back only after Python's
#: switch interval of 5 ms. Alone all calls together take 0.6 s, beside the spinner 15 s.
_CALLS, _STEPS_A_CALL = 4000, 100
_SPINS = 50_000

_SCENE = '<mujoco><worldbody><body><joint type="hinge"/><geom size=".1"/></body></worldbody></mujoco>'


@dataclass(frozen=True)
class World:
    """One model and its data, stepped by one thread."""

    model: Any
    data: Any


@soak.scenario(seconds=20.0, hang_after=1.0)
def starvation(target: object, rng: random.Random) -> Generator[World, None, None]:
    """An operation lasts far over its limit, with progress all along, because another holds the GIL."""
    model = mujoco.MjModel.from_xml_string(_SCENE)
    yield World(model, mujoco.MjData(model))


@starvation.operation(threads=1)
def step(world: World, rng: random.Random) -> None:
    for _ in range(_CALLS):
        mujoco.mj_step(world.model, world.data, nstep=_STEPS_A_CALL)
        soak.beat()
        if soak.stopping():
            return


@starvation.operation(threads=1)
def spin(world: World, rng: random.Random) -> None:
    for _ in range(_SPINS):
        pass
