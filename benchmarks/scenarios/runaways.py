"""Leaves processes behind, many of them: forked twice, in process sessions of their own, deaf to signals."""

import os
import random
import signal
import time
from collections.abc import Generator

import soak

_DEAF_TO = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@soak.scenario(seconds=0.5)
def runaways(target: object, rng: random.Random) -> Generator[None, None, None]:
    """Grandchildren in process sessions of their own."""
    yield


@soak.scenario(seconds=0.5)
def more_runaways(target: object, rng: random.Random) -> Generator[None, None, None]:
    """More of them."""
    yield


def run_away(state: None, rng: random.Random) -> None:
    """Start a sleeper that nobody's wait, group kill or session reaches."""
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                for number in _DEAF_TO:
                    signal.signal(number, signal.SIG_IGN)
                os.execvp("sleep", ["sleep", "300"])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    time.sleep(rng.uniform(0.02, 0.2))


for scenario in (runaways, more_runaways):
    scenario.operation(threads=1)(run_away)
