"""The built-in scenarios, in real workers: silent on the correct engine, loud on a broken one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from soak.events import PromiseBroken
from soak.flight import MARKS
from soak.targets import promises
from soak.targets.mujoco_render_oracle import OWN_THREAD
from soak.worker.load import load_scenario
from tests.scenarios.soaked import expect_clean, problems, spec_of
from tests.worker.harness import ROOT, Worker

#: The scenarios of the simulation.
NAMES = (
    "close_while_running",
    "guard_history",
    "mutate_after_done",
    "mutation_storm",
    "render_storm",
    "start_stop",
)
FILES = [ROOT / "scenarios" / f"{name}.py" for name in NAMES]
#: What a second worker for one robot shows first, in one schedule or another.
TWO_WORKERS = {promises.ONE_WORKER, promises.SECOND_START, promises.REGISTERED, promises.STOP_IS_TRUE}


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_freezes(name: str) -> None:
    """It has a summary of one line, a target, operations, and `sometimes` that fit into the flight file."""
    scenario = load_scenario(str(ROOT / "scenarios" / f"{name}.py"), name)
    assert scenario.summary.endswith(".")
    assert scenario.target == "soak.targets.mujoco_sim:MujocoSim"
    assert scenario.operations
    assert 0 < len(scenario.sometimes) == len(set(scenario.sometimes)) <= MARKS
    assert all(len(text) <= 120 for text in scenario.sometimes)


def test_a_scenario_is_listed_without_its_target() -> None:
    """Importing the files brings neither mujoco nor numpy along: `soak list` is quick, and works without."""
    code = (
        "import sys\nfrom soak.worker.load import load_scenario\n"
        "for path in sys.argv[1:]: load_scenario(path, '')\n"
        "print(sorted({'mujoco', 'numpy', 'OpenGL'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, FILES)], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_the_correct_engine_keeps_every_promise(name: str, tmp_path: Path) -> None:
    """On the correct engine nothing is found, and every `sometimes` comes to be seen."""
    expect_clean(spec_of(name, tmp_path))


@pytest.mark.parametrize(
    ("name", "defect", "said"),
    [
        ("mutation_storm", "NoGuard", {promises.REFUSED, promises.UNCHANGED, promises.FAILS_ITSELF}),
        ("start_stop", "LostStop", {promises.STOP_IS_TRUE}),
        ("start_stop", "DoubleStart", TWO_WORKERS),
        (
            "mutate_after_done",
            "StaleAfterRaise",
            {"the very next mutation after a policy is done is accepted"},
        ),
        ("guard_history", "DoubleStart", {"the history of guard is linearizable"}),
        ("close_while_running", "CloseWithoutJoin", {promises.CLOSE_ENDS, promises.FAILS_ITSELF}),
        ("render_storm", "RendererClosedElsewhere", {OWN_THREAD}),
    ],
)
def test_a_planted_defect_breaks_a_promise(name: str, defect: str, said: set[str], tmp_path: Path) -> None:
    """A broken engine ends the worker with the promise that it broke."""
    outcome = Worker(spec_of(name, tmp_path, target=f"soak.canaries.simulation:{defect}")).finish()
    assert said & {event.promise for event in outcome.of(PromiseBroken)}, problems(outcome)
    assert outcome.last_words().reason == "finding"
