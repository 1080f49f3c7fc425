"""Dies of SIGSEGV in five of a hundred iterations, as the iteration's seed decides."""

import ctypes
import random
from collections.abc import Generator

import soak

RATE = 0.05


@soak.scenario(seconds=0.5, rounds=5)
def flaky_segfault(target: object, rng: random.Random) -> Generator[bool, None, None]:
    """One iteration in twenty dies of SIGSEGV."""
    yield rng.random() < RATE


@flaky_segfault.operation(threads=1)
def work(crashes: bool, rng: random.Random) -> None:
    if crashes:
        ctypes.string_at(0)
