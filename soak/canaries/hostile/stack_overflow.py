"""A thread with a small stack recurses through native code until the stack is used up."""

import ctypes
import random
import sys
import threading
from collections.abc import Generator

import soak

_STACK_BYTES = 256 * 1024
_DEPTH = 1_000_000


def _recurse() -> None:
    _deeper()


_deeper = ctypes.CFUNCTYPE(None)(_recurse)


@soak.scenario(seconds=5.0)
def stack_overflow(target: object, rng: random.Random) -> Generator[None, None, None]:
    """A thread dies of SIGSEGV where not even a signal handler has a stack to run on."""
    yield


@stack_overflow.operation(threads=1)
def recurse(state: None, rng: random.Random) -> None:
    sys.setrecursionlimit(_DEPTH)
    before = threading.stack_size(_STACK_BYTES)
    thread = threading.Thread(target=_deeper, name="deep")
    thread.start()
    threading.stack_size(before)
    thread.join()
