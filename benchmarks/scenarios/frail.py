"""Short iterations that often fail, so that a kill at any moment meets findings, ends and beginnings."""

import os
import random
import time
from collections.abc import Generator

import soak


@soak.scenario(seconds=0.02, rounds=2)
def breaks(target: object, rng: random.Random) -> Generator[float, None, None]:
    """One iteration in ten breaks a promise."""
    yield rng.random()


@breaks.operation(threads=2)
def look(state: float, rng: random.Random) -> soak.Refused | None:
    time.sleep(0.001)
    soak.always(state < 0.9, "no roll is high")
    no = soak.Refused(what="look", because="three in ten are", remedy="look again")
    return no if rng.random() < 0.3 else None


@soak.scenario(seconds=0.02, rounds=2)
def leaves(target: object, rng: random.Random) -> Generator[float, None, None]:
    """One iteration in ten ends the worker without a word."""
    yield rng.random()


@leaves.operation(threads=1)
def leave(state: float, rng: random.Random) -> None:
    if state > 0.9:
        os._exit(3)
