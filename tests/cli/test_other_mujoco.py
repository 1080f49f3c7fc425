"""`--python`: workers run in environments of their own, with a MuJoCo that is not ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.events import RunStarted
from tests.cli.command import Soak

pytestmark = pytest.mark.slow

LAB = "tests.targets.lab:Seen"


@pytest.fixture(scope="module", params=["3.3.5", "4.0.0"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A version of MuJoCo, and the interpreter of an environment that holds it and nothing else."""
    folder = tmp_path_factory.mktemp("other")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    python = folder / "bin" / "python"
    words = [str(python), "-m", "pip", "install", "--quiet", f"mujoco=={request.param}"]
    done = subprocess.run(
        words,
        env=os.environ | {"PIP_NO_CACHE_DIR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        pytest.skip(f"pip install mujoco=={request.param}: {done.stderr.strip()[-300:]}")
    return request.param, python


@pytest.mark.parametrize("target", ["", LAB])
def test_workers_run_with_another_mujoco(soak: Soak, other: tuple[str, Path], target: str) -> None:
    """The simulation and somebody's own engine are soaked, and the run says with which MuJoCo."""
    version, python = other
    words = ["--target", target] if target else []
    done = soak(
        "run", "start_stop", "mutate_after_done", *words, "--python", python, "--count", "2", "--quiet"
    )
    assert done.code in (0, 5), done.stdout  # two iterations may not have seen every `sometimes`
    (started,) = done.of(RunStarted)
    assert version in str(started.environment), started.environment


def test_environments_run_with_another_mujoco(soak: Soak, other: tuple[str, Path]) -> None:
    """Environments are made, played and closed there."""
    _, python = other
    done = soak("run", "env_cycles", "--python", python, "--count", "2", "--quiet")
    assert done.code in (0, 5), done.stdout
