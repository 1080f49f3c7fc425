"""Native code gives up with abort(), as a failed assertion or a damaged heap does."""

import ctypes
import random
from collections.abc import Generator

import soak


@soak.scenario(seconds=5.0)
def sigabrt(target: object, rng: random.Random) -> Generator[None, None, None]:
    """An operation dies of SIGABRT."""
    yield


@sigabrt.operation(threads=1)
def give_up(state: None, rng: random.Random) -> None:
    ctypes.CDLL(None).abort()
