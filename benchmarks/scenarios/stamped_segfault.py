"""Writes down the time, and dies of SIGSEGV in the next instant."""

import ctypes
import os
import random
import time
from collections.abc import Generator

import mujoco

import soak


@soak.scenario(seconds=5.0)
def stamped_segfault(target: object, rng: random.Random) -> Generator[mujoco.MjModel, None, None]:
    """An operation dies of SIGSEGV, and when is known; the core is as large as a simulation's."""
    yield mujoco.MjModel.from_xml_string("<mujoco/>")


@stamped_segfault.operation(threads=1)
def follow_null(model: mujoco.MjModel, rng: random.Random) -> None:
    fd = os.open(os.environ["SOAK_BENCH_STAMPS"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(fd, repr(time.time()).encode())
    os.close(fd)
    ctypes.string_at(0)
