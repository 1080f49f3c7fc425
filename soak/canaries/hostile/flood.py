"""1 GB of broken UTF-8 on standard output, and then a hang among more threads than faulthandler shows."""

import os
import random
import threading
from collections.abc import Generator

import soak

_MEBIBYTES = 1024
_BROKEN = b"\xff\xfe\xc3\x28 not UTF-8, and no line end \xf0\x9f" * 32768  # about 1 MiB
_THREADS = 150


@soak.scenario(seconds=1.0, rounds=1, hang_after=2.0)
def flood(target: object, rng: random.Random) -> Generator[threading.Event, None, None]:
    """A flood of output, 150 threads, and an operation that hangs."""
    yield threading.Event()


@flood.operation(threads=1)
def print_and_hang(never: threading.Event, rng: random.Random) -> None:
    for _ in range(_MEBIBYTES):
        try:
            os.write(1, _BROKEN)
        except OSError:  # the harness, or the disk, has had enough of it
            break
        soak.beat()
    for number in range(_THREADS):
        threading.Thread(target=never.wait, name=f"crowd-{number}", daemon=True).start()
    never.wait()
