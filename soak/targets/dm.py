"""A task of ``dm_control``'s suite: ``--target 'soak.targets.dm:DmControl?domain=cartpole&task=swingup'``.

dm_control 1.0.50 reads fields that MuJoCo 4.0 no longer has: give it an environment with MuJoCo 3, by
``--python``.
"""

from __future__ import annotations

import random
from typing import Any

try:
    from dm_control import suite
except ImportError as error:
    raise ImportError(f"{error}; pip install 'soak-harness[dm_control]'") from error

from soak.targets import mujoco_oracles
from soak.targets.environments import Environment, is_yes


class Wrapped(Environment):
    """A ``dm_env.Environment`` with a physics that somebody else made."""

    renders = True
    size = (48, 64)

    def __init__(self, env: Any) -> None:
        mujoco_oracles.install()
        self.env = env

    def reset(self, seed: int) -> Any:
        """Seed the task, where it has a random state."""
        state = getattr(getattr(self.env, "task", None), "random", None)
        if state is not None:
            state.seed(seed)
        return self.env.reset().observation

    def step(self, rng: random.Random) -> tuple[Any, bool]:
        """An action within the bounds of the specification."""
        spec = self.env.action_spec()
        action = spec.generate_value().copy()
        for index in range(action.size):
            low, high = (
                spec.minimum.flat[index % spec.minimum.size],
                spec.maximum.flat[index % spec.maximum.size],
            )
            action.flat[index] = rng.uniform(max(low, -1.0), min(high, 1.0))
        time_step = self.env.step(action)
        return (time_step.observation, time_step.reward), time_step.last()

    def render(self) -> Any:
        """What the first camera sees."""
        return self.env.physics.render(*self.size, camera_id=0) if self.renders else super().render()

    def close(self) -> None:
        """Give the physics back, its renderer included."""
        self.env.close()


class DmControl(Wrapped):
    """What ``suite.load(domain, task)`` makes."""

    def __init__(
        self,
        domain: str,
        task: str,
        *,
        render: str = "no",
        shared: str = "no",
        forks: str = "yes",
        seeded: str = "yes",
        height: str = "48",
        width: str = "64",
    ) -> None:
        """Load it.

        Raises:
            ValueError: there is no such domain or task.
        """
        super().__init__(suite.load(domain, task))
        self.renders = is_yes(render)
        self.size = (int(height), int(width))
