"""Native code calls C's exit(1) behind Python's back: no signal, no traceback, no word."""

import ctypes
import random
from collections.abc import Generator

import soak


@soak.scenario(seconds=5.0)
def exit_from_c(target: object, rng: random.Random) -> Generator[None, None, None]:
    """An operation ends the process with exit(1) from C."""
    yield


@exit_from_c.operation(threads=1)
def leave(state: None, rng: random.Random) -> None:
    ctypes.CDLL(None).exit(1)
