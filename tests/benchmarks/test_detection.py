"""The quick part of the benchmark: soak's model mode at every kernel and every twin, from one seed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.detection.contenders.model import Model
from benchmarks.detection.kernels import KERNELS
from benchmarks.detection.trial import hold, replay
from soak.schedule import race

_ROOT = Path(__file__).resolve().parents[2]
_BOUND = 120.0  # seconds; a hang, not a speed

#: Found within a few schedules, by a switch, by several, by a deadlock, and through a pool.
_QUICK = ("reorder_3", "circular_buffer", "carter01", "missed_notify", "check_then_submit", "iterated_dict")
#: Twins whose schedules are long.
_LONG = ("twostage_50", "twostage_20", "window_1000", "reorder_20")


@pytest.mark.parametrize("name", _QUICK)
def test_model_mode_finds_it_and_brings_it_back(name: str) -> None:
    """The bug is found within 500 schedules, and its token replays in another process with the same trace."""
    trial = hold(Model(), name, seeds=[3], seconds=_BOUND)
    (hunt,) = trial.hunts
    assert hunt.found is not None and hunt.schedules <= 500, trial.note
    assert hunt.token is not None
    assert replay(name, [hunt.token], seconds=_BOUND) == [True]


@pytest.mark.parametrize("name", [name for name in KERNELS if name not in _LONG])
def test_twin_raises_no_alarm(name: str) -> None:
    """Thirty schedules of the corrected twin, none of which fails, stalls or runs without end."""
    kernel = KERNELS[name]
    result = race(kernel.fixed.run, target=[kernel.file], schedules=30, seed=3)
    assert not result.found, str(result)
    assert (result.unproven, result.stalled, result.endless) == (None, None, 0)


def test_command_prints_a_table() -> None:
    """`python -m benchmarks.detection` runs side by side, prints the table, and is content with soak."""
    arguments = ["swap_gap", "--only", "soak.race", "plain", "--seeds", "2", "--seconds", "5", "--jobs", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.detection", *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_BOUND,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| kernel | soak.race | plain |" in done.stdout
    assert "2 of 2 tokens" in done.stdout


def test_unknown_kernel_is_named() -> None:
    """A kernel that is none is a mistake in the command line, and the known ones are told."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.detection", "nonsense"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_BOUND,
        check=False,
    )
    assert done.returncode == 2
    assert "nonsense" in done.stderr and "reorder_3" in done.stderr


def test_absent_peer_is_told() -> None:
    """Who is not installed does not take part, and is named with the reason."""
    if _has("frontrun"):
        pytest.skip("frontrun is installed here")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.detection", "swap_gap", "--only", "frontrun dpor", "--seeds", "1"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_BOUND,
        check=False,
    )
    assert "frontrun is not installed" in done.stderr


def _has(module: str) -> bool:
    code = f"import importlib.util, json; print(json.dumps(importlib.util.find_spec({module!r}) is not None))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return bool(json.loads(done.stdout))
