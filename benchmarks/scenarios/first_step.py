"""Says in a file when its first ``mj_step`` is done. The import is the zygote's, the model the worker's."""

import os
import random
import time
from collections.abc import Generator

import mujoco

import soak

PENDULUM = """
<mujoco><worldbody><body><joint type="hinge" axis="0 1 0"/><geom size=".1" pos="0 0 -.5"/></body></worldbody>
</mujoco>
"""


@soak.scenario(seconds=1.0, rounds=1)
def first_step(target: object, rng: random.Random) -> Generator[None, None, None]:
    """Make a model and step it once."""
    yield


@first_step.operation(threads=1)
def step(state: None, rng: random.Random) -> None:
    model = mujoco.MjModel.from_xml_string(PENDULUM)
    mujoco.mj_step(model, mujoco.MjData(model))
    fd = os.open(os.environ["SOAK_BENCH_STAMPS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(fd, f"{time.monotonic()!r}\n".encode())
    os.close(fd)
