"""A Gymnasium environment by its id: ``--target 'soak.targets.gym:Gymnasium?id=HalfCheetah-v5'``.

An id may begin with the module that registers it, as in ``gymnasium_robotics:FetchReach-v4``.
"""

from __future__ import annotations

import random
import sys
from typing import Any

try:
    import gymnasium
except ImportError as error:
    raise ImportError(f"{error}; pip install 'soak-harness[gymnasium]'") from error

from soak.targets.environments import Environment, is_yes


class Wrapped(Environment):
    """A ``gymnasium.Env`` that somebody else made."""

    def __init__(self, env: Any) -> None:
        self.env = env
        if "mujoco" in sys.modules:
            from soak.targets import mujoco_oracles

            mujoco_oracles.install()

    def reset(self, seed: int) -> Any:
        """Seed the environment and its actions."""
        observation, _ = self.env.reset(seed=seed)
        self.env.action_space.seed(seed)
        return observation

    def step(self, rng: random.Random) -> tuple[Any, bool]:
        """An action out of the action space, which :meth:`reset` has seeded."""
        observation, reward, terminated, truncated, _ = self.env.step(self.env.action_space.sample())
        return (observation, float(reward)), bool(terminated or truncated)

    def render(self) -> Any:
        """The environment's own frame."""
        return self.env.render() if self.env.render_mode else super().render()

    def close(self) -> None:
        self.env.close()


class Gymnasium(Wrapped):
    """What ``gymnasium.make(id)`` makes; ``render=yes`` asks for ``render_mode="rgb_array"``."""

    def __init__(
        self,
        id: str,  # noqa: A002 - Gymnasium's word
        *,
        render: str = "no",
        shared: str = "no",
        forks: str = "yes",
        seeded: str = "yes",
        height: str = "48",
        width: str = "64",
    ) -> None:
        """Make it.

        Raises:
            gymnasium.error.Error: there is no such environment, or something that it needs is not installed.
        """
        more: dict[str, Any] = {}
        if is_yes(render):
            more = {"render_mode": "rgb_array", "height": int(height), "width": int(width)}
        super().__init__(gymnasium.make(id, disable_env_checker=True, **more))
