"""A non-daemon thread is told to stop by an atexit handler, which runs only once that thread has ended."""

import atexit
import functools
import random
import threading
from collections.abc import Generator

import soak


@functools.cache
def _engine() -> threading.Event:
    """One thread for the whole process, as an engine keeps one. Python joins it before it calls atexit."""
    stop = threading.Event()
    threading.Thread(target=stop.wait, name="engine").start()
    atexit.register(stop.set)
    return stop


@soak.scenario(seconds=0.2, real_exit=True, hang_after=1.5)
def lingering_thread(target: object, rng: random.Random) -> Generator[threading.Event, None, None]:
    """The work is done, and the process never exits."""
    yield _engine()


@lingering_thread.operation(threads=1)
def work(engine: threading.Event, rng: random.Random) -> None:
    engine.wait(0.01)
