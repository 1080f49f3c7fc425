"""The code under test takes descriptors 1 and 2 away, as some engines do around a recompile, and crashes."""

import ctypes
import os
import random
from collections.abc import Generator

import soak


@soak.scenario(seconds=5.0)
def dup2(target: object, rng: random.Random) -> Generator[None, None, None]:
    """Standard output and error point nowhere when the operation dies of SIGSEGV."""
    yield


@dup2.operation(threads=1)
def crash_unheard(state: None, rng: random.Random) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    ctypes.string_at(0)
