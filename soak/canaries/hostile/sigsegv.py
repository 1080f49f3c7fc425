"""Native code follows a null pointer in an operation's thread."""

import ctypes
import random
from collections.abc import Generator

import soak


@soak.scenario(seconds=5.0)
def sigsegv(target: object, rng: random.Random) -> Generator[None, None, None]:
    """An operation dies of SIGSEGV."""
    yield


@sigsegv.operation(threads=1)
def follow_null(state: None, rng: random.Random) -> None:
    ctypes.string_at(0)
