"""A helper process is left behind, orphaned and in a process session of its own."""

import random
import subprocess
from collections.abc import Generator

import soak


def _leave_one_behind() -> None:
    """The shell ends at once, its child sleeps on, and nobody's wait or kill reaches it."""
    subprocess.run(
        ["sh", "-c", "sleep 300 & "],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


@soak.scenario(seconds=5.0, rounds=1)
def grandchild(target: object, rng: random.Random) -> Generator[None, None, None]:
    """A grandchild in another process session outlives the worker."""
    yield


@grandchild.operation(threads=1)
def start_helper(state: None, rng: random.Random) -> None:
    _leave_one_behind()
