"""Tasks of dm_control's suite, through its real package, where its MuJoCo is one that it can read."""

from __future__ import annotations

import warnings
from pathlib import Path

import mujoco
import pytest

from soak.targets.environments import environment
from soak.worker.load import load_target
from tests.scenarios.soaked import problems, spec_of
from tests.targets.test_environments import course
from tests.worker.harness import Worker

if int(mujoco.__version__.partition(".")[0]) >= 4:
    pytest.skip(
        "dm_control reads fields that MuJoCo 4 does not have: make test-mujoco3", allow_module_level=True
    )

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    suite = pytest.importorskip("dm_control.suite", reason="pip install 'soak-harness[dm_control]'")

SWING = "soak.targets.dm:DmControl?domain=cartpole&task=swingup"

pytestmark = [pytest.mark.usefixtures("oracles"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_a_task_of_the_suite() -> None:
    """Equal seeds have equal courses, in two environments too."""
    first, second = environment(load_target(SWING)), environment(load_target(SWING))
    assert course(first, 3) == course(second, 3) != course(first, 4)
    first.close()
    second.close()


def test_an_environment_that_somebody_made() -> None:
    """A function that loads a task will do."""
    env = environment(lambda: suite.load("pendulum", "swingup"))
    assert course(env, 1) == course(env, 1)
    env.close()


@pytest.mark.parametrize("scenario", ["env_cycles", "env_render"])
def test_real_tasks_keep_every_promise(scenario: str, tmp_path: Path) -> None:
    """Made, played or rendered, and closed."""
    target = f"{SWING}&render=yes" if scenario == "env_render" else SWING
    outcome = Worker(spec_of(scenario, tmp_path, target=target, count=1)).finish()
    assert problems(outcome) == []
    assert outcome.last_words().reason == "count"
