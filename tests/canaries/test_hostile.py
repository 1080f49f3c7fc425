"""Each hostile scenario does what it says, alone; and the harness finds it, as the right kind."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soak.canaries.hostile_canaries import HOSTILE, hostile_file
from soak.worker.load import load_scenario
from tests.cli.command import ROOT

DEADLINE_S = 60.0

# One iteration, without the harness: nothing watches, and nothing explains.
_ALONE = """
import os, random, sys, threading
from soak.worker.load import load_scenario
scenario = load_scenario(sys.argv[1], "")
rng = random.Random(1)
life = scenario.set_up(None, rng)
state = next(life)
def work(operation):
    for _ in range(3):
        operation.call(state, rng)
threads = [threading.Thread(target=work, args=(operation,)) for operation in scenario.operations]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert all(check.holds(state) for check in scenario.checks)
next(life, None)
if not scenario.real_exit:
    os._exit(0)
"""


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("sigsegv", -signal.SIGSEGV),
        ("sigabrt", -signal.SIGABRT),
        ("exit_from_c", 1),
        ("dup2", -signal.SIGSEGV),
        ("killed_outside", -signal.SIGKILL),
        ("shutdown_crash", -signal.SIGSEGV),
        ("stack_overflow", -signal.SIGSEGV),
        ("quiet", 0),
    ],
)
def test_alone_it_ends_as_planted(name: str, status: int, tmp_path: Path) -> None:
    """Without the harness the process ends with exactly the planted status."""
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, hostile_file(name)],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == status


def test_one_iteration_in_twenty_of_the_flaky_one_crashes() -> None:
    """The seed decides which; over 2,000 seeds the rate is 5 %, within four standard deviations."""
    scenario = load_scenario(hostile_file("flaky_segfault"), "")
    fates = [next(scenario.set_up(None, random.Random(f"7:flaky_segfault:{i}"))) for i in range(2000)]
    assert 0.03 < sum(fates) / len(fates) < 0.07
    again = [next(scenario.set_up(None, random.Random(f"7:flaky_segfault:{i}"))) for i in range(2000)]
    assert fates == again


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What `soak canary` says of all hostile canaries, each tried once, by name."""
    out = tmp_path_factory.mktemp("canary")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "soak",
            "canary",
            *(canary.name for canary in HOSTILE),
            "--json",
            "--out",
            str(out),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=len(HOSTILE) * DEADLINE_S,
        check=False,
    )
    assert done.stdout, done.stderr
    yield {row["name"]: row for row in json.loads(done.stdout)}


@pytest.mark.parametrize("name", [canary.name for canary in HOSTILE])
def test_the_harness_finds_it_as_the_right_kind(name: str, rows: dict[str, dict[str, Any]]) -> None:
    """Each way of being hostile to the harness is found, and named as what it is."""
    assert rows[name]["ok"], rows[name]["found"]
