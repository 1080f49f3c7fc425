"""The scenarios of the task store, in real workers: silent on the correct store, loud on a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.events import PromiseBroken
from soak.flight import MARKS
from soak.targets import task_promises
from soak.worker.load import load_scenario
from tests.scenarios.soaked import expect_clean, problems, spec_of
from tests.worker.harness import ROOT, Worker

NAMES = ("claim_race", "store_crash")
#: What shows first of a lost update, and of a claim that another process took.
LOST = {
    task_promises.NOTES_STAY,
    task_promises.NO_LOST_UPDATE,
    task_promises.DONE_STAYS,
    task_promises.COMPLETION_STAYS,
    task_promises.ONE_COMPLETION,
}
STOLEN = {task_promises.TAKEN_FROM_DEAD, task_promises.CLAIM_HOLDS, task_promises.ONE_OWNER}


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_freezes(name: str) -> None:
    """It has a summary of one line, its target, processes, and `sometimes` that fit."""
    scenario = load_scenario(str(ROOT / "scenarios" / f"{name}.py"), name)
    assert scenario.summary.endswith(".")
    assert scenario.target == "soak.targets.task_store:TaskStore"
    assert all(operation.processes for operation in scenario.operations)
    assert 0 < len(scenario.sometimes) == len(set(scenario.sometimes)) <= MARKS


@pytest.mark.parametrize("name", NAMES)
def test_the_correct_store_keeps_every_promise(name: str, tmp_path: Path) -> None:
    """On the correct store nothing is found, nothing is left, and every `sometimes` comes to be seen."""
    expect_clean(spec_of(name, tmp_path), iterations=4)


@pytest.mark.parametrize(
    ("name", "defect", "said"),
    [
        ("claim_race", "ReadBeforeLock", LOST | STOLEN),
        ("claim_race", "FreedFirst", {task_promises.NEEDS_FIRST}),
        ("store_crash", "TrustsAge", STOLEN),
    ],
)
def test_a_planted_defect_breaks_a_promise(name: str, defect: str, said: set[str], tmp_path: Path) -> None:
    """A broken store ends the worker with the promise that it broke."""
    outcome = Worker(spec_of(name, tmp_path, target=f"soak.canaries.task_store:{defect}")).finish()
    assert said & {event.promise for event in outcome.of(PromiseBroken)}, problems(outcome)
    assert outcome.last_words().reason == "finding"
