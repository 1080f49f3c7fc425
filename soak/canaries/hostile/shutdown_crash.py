"""A daemon thread is in the middle of mj_step when Python frees what it stands on."""

import functools
import random
import threading
from collections.abc import Generator
from typing import Any

import mujoco

import soak

_SCENE = """
<mujoco><worldbody><light pos="0 0 3"/><geom type="plane" size="5 5 .1"/>
  <body pos="0 0 1"><freejoint/><geom size=".1"/></body>
</worldbody></mujoco>
"""


def _step_for_ever(model: Any, data: Any) -> None:
    while True:
        mujoco.mj_step(model, data, nstep=100)


@functools.cache
def _engine() -> threading.Thread:
    """One stepping thread for the whole process, which nobody stops."""
    model = mujoco.MjModel.from_xml_string(_SCENE)
    thread = threading.Thread(
        target=_step_for_ever, args=(model, mujoco.MjData(model)), name="engine", daemon=True
    )
    thread.start()
    return thread


@soak.scenario(seconds=0.2, real_exit=True)
def shutdown_crash(target: object, rng: random.Random) -> Generator[threading.Thread, None, None]:
    """The work is done, and the process dies on its way out."""
    yield _engine()


@shutdown_crash.operation(threads=1)
def work(engine: threading.Thread, rng: random.Random) -> None:
    engine.join(0.01)
