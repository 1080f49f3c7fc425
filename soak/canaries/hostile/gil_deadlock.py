"""Native code waits for ever while it holds the GIL, so that no Python code runs any more."""

import ctypes
import random
from collections.abc import Generator

import soak

#: More than sizeof(pthread_mutex_t) anywhere; all zeros is an unlocked, non-recursive one.
_MUTEX_BYTES = 128


@soak.scenario(seconds=1.0, hang_after=1.0)
def gil_deadlock(target: object, rng: random.Random) -> Generator[None, None, None]:
    """An operation locks a native mutex twice and keeps the GIL."""
    yield


@gil_deadlock.operation(threads=1)
def lock_twice(state: None, rng: random.Random) -> None:
    libc = ctypes.PyDLL(None)  # PyDLL: the GIL is not released around the call
    mutex = ctypes.create_string_buffer(_MUTEX_BYTES)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)
