"""The hot swap, in real workers: silent on the correct registry, loud on a broken one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from soak.events import PromiseBroken
from soak.flight import MARKS
from soak.targets import swap_promises
from soak.worker.load import load_scenario
from tests.scenarios.soaked import expect_clean, problems, spec_of
from tests.worker.harness import ROOT, Worker

#: A runner that the registry has lost lives on: beside another one, or after the end.
LOST = {swap_promises.ONE_LIVE, swap_promises.NONE_LEFT}
FILE = ROOT / "scenarios" / "hot_swap.py"


def test_the_scenario_freezes() -> None:
    """It has a summary of one line, its target, ten readers, and `sometimes` that fit."""
    scenario = load_scenario(str(FILE), "hot_swap")
    assert scenario.summary.endswith(".")
    assert scenario.target == "soak.targets.runner_registry:RunnerRegistry"
    assert {operation.name: operation.threads for operation in scenario.operations}["read"] == 10
    assert 0 < len(scenario.sometimes) == len(set(scenario.sometimes)) <= MARKS


def test_the_scenario_is_listed_without_its_target() -> None:
    """Importing the file brings neither mujoco nor numpy along."""
    code = (
        "import sys\nfrom soak.worker.load import load_scenario\nload_scenario(sys.argv[1], '')\n"
        "print(sorted({'mujoco', 'numpy'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(FILE)], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


def test_the_correct_registry_keeps_every_promise(tmp_path: Path) -> None:
    """On the correct registry nothing is found, and every `sometimes` comes to be seen."""
    expect_clean(spec_of("hot_swap", tmp_path), iterations=3)


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        ("FailureForgets", {swap_promises.NEVER_NONE, swap_promises.KEEPS_OLD} | LOST),
        ("RemovedDuringSwap", {swap_promises.NEVER_NONE} | LOST),
        ("NeverStopped", {swap_promises.ONE_LIVE, swap_promises.STOP_IS_TRUE, swap_promises.ONCE}),
        ("HandedOutStopped", {swap_promises.NEVER_STOPPED}),
    ],
)
def test_a_planted_defect_breaks_a_promise(defect: str, said: set[str], tmp_path: Path) -> None:
    """A broken registry ends the worker with the promise that it broke.

    Those that block their callers are for `soak canary`: where they do so late in an iteration, it takes the
    supervisor to see it.
    """
    outcome = Worker(spec_of("hot_swap", tmp_path, target=f"soak.canaries.registry:{defect}")).finish()
    assert said & {event.promise for event in outcome.of(PromiseBroken)}, problems(outcome)
    assert outcome.last_words().reason == "finding"
