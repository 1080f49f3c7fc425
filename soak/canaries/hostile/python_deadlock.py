"""Two threads take two locks in opposite order."""

import random
import threading
from collections.abc import Generator
from dataclasses import dataclass, field

import soak


@dataclass
class Locks:
    """Two locks, and a barrier that makes the deadlock certain: each side holds one before it wants both."""

    left: threading.Lock = field(default_factory=threading.Lock)
    right: threading.Lock = field(default_factory=threading.Lock)
    both_hold_one: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))


@soak.scenario(seconds=1.0, hang_after=1.0)
def python_deadlock(target: object, rng: random.Random) -> Generator[Locks, None, None]:
    """Two operations wait for each other's lock for ever."""
    yield Locks()


@python_deadlock.operation(threads=1)
def left_then_right(locks: Locks, rng: random.Random) -> None:
    with locks.left:
        locks.both_hold_one.wait()
        with locks.right:
            pass


@python_deadlock.operation(threads=1)
def right_then_left(locks: Locks, rng: random.Random) -> None:
    with locks.right:
        locks.both_hold_one.wait()
        with locks.left:
            pass
