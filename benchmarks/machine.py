"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform

from soak.supervisor.machine_environment import cpu_model


def describe() -> str:
    """One line, without a date or a name: processors, kernel, Python, MuJoCo."""
    return (
        f"{len(os.sched_getaffinity(0))} × {cpu_model()}, {platform.system()} {platform.release()}, "
        f"CPython {platform.python_version()}, MuJoCo {importlib.metadata.version('mujoco')}"
    )
