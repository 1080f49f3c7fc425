"""Pairs of MuJoCo calls that meet in one data, for ``confirmed_overlaps``: a step takes some 200 µs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import mujoco

from soak.targets import mujoco_overlaps

mujoco_overlaps.install()

_BOXES = "".join(
    f"<body pos='{number % 7 * 0.15} {number // 7 * 0.15} {0.1 + 0.19 * (number % 3)}'><freejoint/>"
    "<geom type='box' size='.1 .1 .1'/></body>"
    for number in range(40)
)
_XML = f"<mujoco><worldbody><geom type='plane' size='9 9 .1'/>{_BOXES}</worldbody></mujoco>"


def step_and_reset() -> None:
    """A data is stepped while another thread resets it."""
    _, model, data = _piled()
    _together(lambda: mujoco.mj_step(model, data), lambda: mujoco.mj_resetData(model, data))


def step_and_recompile() -> None:
    """A scene is recompiled out of a data that is stepped."""
    spec, model, data = _piled()
    _together(lambda: mujoco.mj_step(model, data), lambda: spec.recompile(model, data))


def step_and_step() -> None:
    """A data is stepped by two threads."""
    _, model, data = _piled()
    _together(lambda: mujoco.mj_step(model, data), lambda: mujoco.mj_step(model, data))


def _piled() -> tuple[Any, Any, Any]:
    """A scene of boxes that touch each other."""
    spec = mujoco.MjSpec.from_string(_XML)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=5)
    return spec, model, data


def _together(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
