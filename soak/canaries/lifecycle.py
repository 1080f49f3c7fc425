"""An engine's whole life in some milliseconds: what each life leaves behind adds up within a minute."""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import soak
from soak.targets import policies

if TYPE_CHECKING:
    from soak.targets.mujoco_sim import MujocoSim


@soak.scenario(seconds=0.5, rounds=1, target="soak.targets.mujoco_sim:MujocoSim", uses=("run", "close"))
def lifecycle(target: Any, rng: random.Random) -> Generator[MujocoSim, None, None]:
    """An engine is made, runs a policy of a few steps, and is closed."""
    sim = target()
    yield sim
    sim.close()


@lifecycle.operation(threads=1)
def run_once(sim: MujocoSim, rng: random.Random) -> object:
    return sim.run_policy(rng.choice(sim.robots()), policies.mock(), steps=5)
