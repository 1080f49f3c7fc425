"""How long ``soak --help`` takes, from the start of the process to its end."""

from __future__ import annotations

import subprocess
import time

from benchmarks.row import Bench, Row, at_most
from benchmarks.soaking import command, environment

RUNS, LIMIT_S = 10, 0.5


def measure(bench: Bench) -> list[Row]:
    """Ten times, after one that warms the file cache and the byte code."""
    return [at_most("soak --help", [_seconds() for _ in range(RUNS + 1)][1:], LIMIT_S, "s")]


def _seconds() -> float:
    began = time.monotonic()
    subprocess.run(command("--help"), env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began
