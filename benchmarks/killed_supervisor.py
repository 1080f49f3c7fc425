"""What is left of a run two seconds after ``kill -9`` of its supervisor, at any moment of its life.

Everything that a run starts inherits a mark in its environment; whoever carries it in ``/proc`` is a
descendant, whatever session, group or parent it has by then.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

from benchmarks.row import Bench, Row, at_worst, row
from benchmarks.soaking import SCENARIOS, command, environment

RUNS, SEED = 20, 1
#: The kill comes so many seconds after the start: while zygotes import, fork, or their workers run away.
EARLIEST_S, LATEST_S = 0.2, 4.0
GRACE_S = 2.0
_MARK = "SOAK_BENCH_MARK"


def measure(bench: Bench) -> list[Row]:
    """Twenty runs, killed at moments that a seed decides."""
    rng = random.Random(SEED)
    lived, left = [], []
    for number in range(RUNS):
        before, after = _kill_one(bench.folder / str(number), rng.uniform(EARLIEST_S, LATEST_S))
        lived.append(before)
        left.append(after)
    return [
        at_worst(f"kill -9 of the supervisor: descendants left after {GRACE_S:g} s", left, 0, ""),
        row("descendants when it was killed", lived, "", note="most of them deaf, in sessions of their own"),
    ]


def _kill_one(out: Path, after: float) -> tuple[int, int]:
    """How many descendants lived when the supervisor was killed, and two seconds later."""
    out.mkdir()
    mark = f"{os.getpid()}-{out.name}"
    words = command("run", str(SCENARIOS / "runaways.py"), "--minutes", "5", "--jobs", "2", "--out", str(out))
    with (out / "words").open("wb") as log:
        supervisor = subprocess.Popen(
            words, cwd=out, env=environment(**{_MARK: mark}), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    time.sleep(after)
    lived = len(_marked(mark)) - 1
    supervisor.kill()
    supervisor.wait()
    time.sleep(GRACE_S)
    left = _marked(mark)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return lived, len(left)


def _marked(mark: str) -> list[int]:
    """All living processes that carry the mark; a zombie has no environment any more."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found
