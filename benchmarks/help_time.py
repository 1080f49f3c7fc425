"""How long ``soak --help`` takes, from the start of the process to its end, and its processor time."""

from __future__ import annotations

import resource
import subprocess
import time

from benchmarks.row import Bench, Row, at_most, row
from benchmarks.soaking import command, environment

RUNS, LIMIT_S = 10, 0.5


def measure(bench: Bench) -> list[Row]:
    """Ten times, after one that warms the file cache and the byte code."""
    taken = [_seconds() for _ in range(RUNS + 1)][1:]
    return [
        at_most("soak --help", [wall for wall, _cpu in taken], LIMIT_S, "s"),
        row(
            "its processor time", [cpu for _wall, cpu in taken], "s", note="what it takes on an idle machine"
        ),
    ]


def _seconds() -> tuple[float, float]:
    """By the clock, and of the processor."""
    began, used = time.monotonic(), _children()
    subprocess.run(command("--help"), env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began, _children() - used


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
