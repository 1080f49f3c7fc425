"""The scenarios of environments: silent on a sound one, loud on a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.events import PromiseBroken, Residue
from soak.targets.mujoco_oracles import ONE_THREAD
from soak.worker.load import load_scenario
from tests.scenarios.soaked import expect_clean, problems, spec_of
from tests.worker.harness import ROOT, Worker

SAME_COURSE = "an environment's course depends on its seed and its actions alone"


@pytest.mark.parametrize("name", ["env_cycles", "env_render"])
def test_a_sound_environment_keeps_every_promise(name: str, tmp_path: Path) -> None:
    """Nothing is found, nothing left, and every `sometimes` comes to be seen."""
    assert load_scenario(str(ROOT / "scenarios" / f"{name}.py"), name).summary.endswith(".")
    expect_clean(spec_of(name, tmp_path))


@pytest.mark.parametrize(
    ("defect", "said"), [("SharedWorld", {ONE_THREAD, SAME_COURSE}), ("SharedNoise", {SAME_COURSE})]
)
def test_environments_that_are_not_apart_are_told(defect: str, said: set[str], tmp_path: Path) -> None:
    """Shared data and shared noise show in the courses, if not before."""
    spec = spec_of("env_cycles", tmp_path, target=f"soak.canaries.environments:{defect}")
    outcome = Worker(spec).finish()
    assert said & {event.promise for event in outcome.of(PromiseBroken)}, problems(outcome)


def test_what_is_not_given_back_is_told(tmp_path: Path) -> None:
    """A file that an environment leaves open is there when an iteration is over."""
    spec = spec_of("env_cycles", tmp_path, target="soak.canaries.environments:LeftOpen", count=3)
    left = Worker(spec).finish().of(Residue)
    assert any("/dev/null" in str(event.items) for event in left)
