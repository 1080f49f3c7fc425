"""Sources of runners for tests and scenarios: good ones, and ones that fail in each stage of being made.

Standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from soak.targets import policies
from soak.targets.mujoco_runs import Policy
from soak.targets.runner_words import RunnerSource, Stage

#: Actuators of the model below, and of the policies that drive it.
ACTUATORS = 2

ARM = """
<mujoco model="runner">
  <option timestep="0.002"/>
  <worldbody>
    <body name="upper">
      <joint name="shoulder" axis="0 1 0" damping="0.5"/>
      <geom type="capsule" fromto="0 0 0 0 0 0.25" size="0.03" mass="0.5" contype="0" conaffinity="0"/>
      <body name="lower" pos="0 0 0.25">
        <joint name="elbow" axis="0 1 0" damping="0.3"/>
        <geom type="capsule" fromto="0 0 0 0 0 0.2" size="0.025" mass="0.3" contype="0" conaffinity="0"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position joint="shoulder" kp="20"/>
    <position joint="elbow" kp="10"/>
  </actuator>
</mujoco>
"""

#: The file was cut while it was written.
CUT = ARM[: len(ARM) // 2]
#: Bodies that move and weigh nothing.
WEIGHTLESS = ARM.replace('mass="0.5"', 'mass="0"').replace('mass="0.3"', 'mass="0"')


def good(make_policy: Callable[[], Policy] = policies.mock, *, takes: float = 0.0) -> RunnerSource:
    """What becomes a live runner, after at least ``takes`` seconds of making its policy."""

    def make() -> Policy:
        if takes:
            time.sleep(takes)
        return make_policy()

    return RunnerSource(model=ARM, make_policy=make, actuators=ACTUATORS)


def failing(stage: Stage) -> RunnerSource:
    """What fails in ``stage``."""
    match stage:
        case Stage.PARSE:
            return RunnerSource(model=CUT, make_policy=policies.mock, actuators=ACTUATORS)
        case Stage.COMPILE:
            return RunnerSource(model=WEIGHTLESS, make_policy=policies.mock, actuators=ACTUATORS)
        case Stage.START:
            return RunnerSource(model=ARM, make_policy=policies.mock, actuators=ACTUATORS + 1)
