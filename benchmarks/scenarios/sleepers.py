"""Four correct scenarios whose threads mostly sleep, so that only the supervisor is to be seen at work.

Their iterations last from 0.2 s to 2 s: many beats and few beats.
"""

import random
import time
from collections.abc import Generator

import soak


@soak.scenario(seconds=0.2)
def fifth(target: object, rng: random.Random) -> Generator[None, None, None]:
    """Iterations of a fifth of a second."""
    yield


@soak.scenario(seconds=0.5)
def half(target: object, rng: random.Random) -> Generator[None, None, None]:
    """Iterations of half a second."""
    yield


@soak.scenario(seconds=1.0)
def one(target: object, rng: random.Random) -> Generator[None, None, None]:
    """Iterations of a second."""
    yield


@soak.scenario(seconds=2.0)
def two(target: object, rng: random.Random) -> Generator[None, None, None]:
    """Iterations of two seconds."""
    yield


def doze(state: None, rng: random.Random) -> None:
    """Sleep for about the length of a policy's step."""
    with soak.doing("doze"):
        time.sleep(rng.uniform(0.02, 0.08))


for scenario in (fifth, half, one, two):
    scenario.operation(threads=6)(doze)
    scenario.invariant("time goes on", every=0.2)(lambda state: time.monotonic() > 0)
