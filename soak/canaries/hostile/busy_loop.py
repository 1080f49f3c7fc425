"""Python spins for ever in one operation: busy, and getting nowhere."""

import random
from collections.abc import Generator

import soak


@soak.scenario(seconds=1.0, hang_after=1.0)
def busy_loop(target: object, rng: random.Random) -> Generator[None, None, None]:
    """An operation never leaves its ``while True``."""
    yield


@busy_loop.operation(threads=1)
def spin(state: None, rng: random.Random) -> None:
    while True:
        pass
