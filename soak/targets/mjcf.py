"""Any MJCF file as an environment: ``--target 'soak.targets.mjcf:Mjcf?path=/path/to/robot.xml'``.

Controls are drawn from the middle of their ranges, so that a sound model stays calm.
"""

from __future__ import annotations

import random
import threading
from typing import Any

import mujoco

from soak.targets import mujoco_oracles, mujoco_scene
from soak.targets.environments import Environment, is_yes

#: This part of a control's range is used, to each side of its middle.
CALM = 0.2
#: Native steps for one step of the environment.
FRAME = 5


class Mjcf(Environment):
    """A model, compiled anew for each environment, with data and perhaps a renderer of its own.

    Threads may share one: they take turns.
    """

    def __init__(
        self,
        path: str = "",
        *,
        render: str = "no",
        shared: str = "no",
        forks: str = "yes",
        seeded: str = "yes",
        height: str = "48",
        width: str = "64",
    ) -> None:
        """Compile the file at ``path``; without one, a small arm of soak's own.

        Raises:
            ValueError: MuJoCo cannot compile it.
        """
        mujoco_oracles.install()
        self.model: Any = (
            mujoco.MjModel.from_xml_path(path) if path else mujoco_scene.build(("arm",), ("cube",)).model
        )
        self.data: Any = mujoco.MjData(self.model)
        mujoco_oracles.belongs(self.model, self.data)
        size = (int(height), int(width))
        self._turn = threading.Lock()
        self._renderer: Any = mujoco.Renderer(self.model, *size) if is_yes(render) else None

    def reset(self, seed: int) -> Any:
        """To the model's first keyframe, or where it starts."""
        with self._turn:
            if self.model.nkey:
                mujoco.mj_resetDataKeyframe(self.model, self.data, 0)
            else:
                mujoco.mj_resetData(self.model, self.data)
            mujoco.mj_forward(self.model, self.data)
            return self.data.qpos.copy()

    def step(self, rng: random.Random) -> tuple[Any, bool]:
        """Hold one draw of controls for some native steps; an episode never ends by itself."""
        with self._turn:
            self._control(rng)
            for _ in range(FRAME):
                mujoco.mj_step(self.model, self.data)
            return self.data.qpos.copy(), False

    def _control(self, rng: random.Random) -> None:
        for number in range(self.model.nu):
            low, high = self.model.actuator_ctrlrange[number]
            if not self.model.actuator_ctrllimited[number]:
                low, high = -1.0, 1.0
            self.data.ctrl[number] = (low + high) / 2 + CALM * (high - low) / 2 * rng.uniform(-1, 1)

    def render(self) -> Any:
        """What the free camera sees."""
        if self._renderer is None:
            return super().render()
        with self._turn:
            self._renderer.update_scene(self.data)
        return self._renderer.render()

    def close(self) -> None:
        """Close the renderer, in the thread that made it."""
        if self._renderer is not None:
            self._renderer.close()
