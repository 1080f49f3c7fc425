"""The target whose loop is watched: see ``schedule_cost``."""

from __future__ import annotations

from typing import Any

import mujoco


def steps(model: Any, data: Any, count: int) -> None:
    """A loop that does nothing but step."""
    for _ in range(count):
        mujoco.mj_step(model, data)
