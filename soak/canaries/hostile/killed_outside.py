"""Somebody else kills the worker with SIGKILL, as the kernel does when memory runs out."""

import os
import random
import subprocess
from collections.abc import Generator

import soak


@soak.scenario(seconds=5.0)
def killed_outside(target: object, rng: random.Random) -> Generator[None, None, None]:
    """The worker is gone in the middle of an operation, and it is not its own fault."""
    yield


@killed_outside.operation(threads=1)
def be_killed(state: None, rng: random.Random) -> None:
    subprocess.run(["sh", "-c", f"kill -9 {os.getpid()}"], stdin=subprocess.DEVNULL, check=False)
