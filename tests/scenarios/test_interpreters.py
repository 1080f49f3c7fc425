"""Interpreters and cancellation, in real workers: silent on correct hosts, loud on broken ones."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from soak.events import Beat, PromiseBroken
from soak.flight import MARKS
from soak.targets import interpreter_oracle
from soak.worker.load import load_scenario
from tests.cli.command import Soak
from tests.scenarios.soaked import expect_clean, problems, spec_of
from tests.worker.harness import ROOT, Worker

NAMES = ("interpreter_teardown", "cancellation")


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_freezes_without_its_target(name: str) -> None:
    """It has a summary of one line and `sometimes` that fit; listing it imports neither host."""
    path = str(ROOT / "scenarios" / f"{name}.py")
    scenario = load_scenario(path, name)
    assert scenario.summary.endswith(".")
    assert 0 < len(scenario.sometimes) == len(set(scenario.sometimes)) <= MARKS
    code = (
        "import sys\nfrom soak.worker.load import load_scenario\nload_scenario(sys.argv[1], '')\n"
        "print(sorted({'mujoco', 'soak.targets.interpreter_host'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_the_correct_host_keeps_every_promise(name: str, tmp_path: Path) -> None:
    """Nothing is found, and every `sometimes` comes to be seen."""
    expect_clean(spec_of(name, tmp_path))


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        ("DestroyInside", {interpreter_oracle.DRIVER_GONE}),
        ("PooledDriver", {interpreter_oracle.DRIVER_GONE, interpreter_oracle.ONE_DRIVER}),
    ],
)
def test_a_planted_defect_breaks_a_promise(defect: str, said: set[str], tmp_path: Path) -> None:
    """A broken host ends the worker with the promise that it broke; those that never return are for a
    supervisor.
    """
    target = f"soak.canaries.interpreters:{defect}"
    outcome = Worker(spec_of("interpreter_teardown", tmp_path, target=target)).finish()
    assert said & {event.promise for event in outcome.of(PromiseBroken)}, problems(outcome)
    assert outcome.last_words().reason == "finding"


def test_ctrl_c_gets_through_to_soak(soak: Soak) -> None:
    """While cells that hold the GIL run, an interrupted run ends, with the exit code of an interrupt."""
    running = soak.start("run", "cancellation", "--minutes", "5")
    running.wait_for(Beat)
    running.send(signal.SIGINT)
    assert running.finish().code == 128 + signal.SIGINT
