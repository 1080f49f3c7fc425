"""Thirty bugs that are there, and thirty twins in which they are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.detection.kernels import KERNELS
from tests.benchmarks.forced import SCHEDULES

_ROOT = Path(__file__).resolve().parents[2]
_BOUND = 120.0  # seconds; a hang, not a speed

#: Whose bug is a matter of who gets a lock that several wait for: real threads decide, not a script.
_BY_CHANCE = {"bounded_buffer"}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """What came of every hand-made schedule, in one process of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.forced"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_BOUND,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_there_are_thirty() -> None:
    """Thirty kernels, each with a schedule that shows its bug; no two share a program."""
    assert len(KERNELS) == 30
    assert SCHEDULES.keys() | _BY_CHANCE == KERNELS.keys()
    assert len({program for kernel in KERNELS.values() for program in (kernel.buggy, kernel.fixed)}) == 60


@pytest.mark.parametrize("name", SCHEDULES)
def test_bug_shows_under_its_schedule(name: str, outcomes: dict[str, str]) -> None:
    """A hand-made schedule of real threads, without soak, makes the kernel raise or deadlock, as it says."""
    if KERNELS[name].hangs:
        assert outcomes[name] == "deadlock"
    else:
        assert outcomes[name] in ("AssertionError", "RuntimeError")


@pytest.mark.parametrize("name", sorted(_BY_CHANCE))
def test_bug_shows_by_chance(name: str) -> None:
    """Noise makes the kernel deadlock sooner or later."""
    hunts = _hunt("noise", name, seconds=_BOUND / 2)
    assert [hunt["found"] for hunt in hunts] == ["deadlock"]


@pytest.mark.parametrize("name", KERNELS)
def test_twin_survives_in_order(name: str) -> None:
    """The corrected twin ends well when nobody interferes."""
    KERNELS[name].fixed.run()


def _hunt(contender: str, kernel: str, *, seconds: float) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.detection.child", contender, kernel, str(seconds), "1"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_BOUND,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
