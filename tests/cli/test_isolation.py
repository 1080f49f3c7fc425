"""`soak run --isolation`: whether an iteration meets what an earlier one left in its process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soak.events import Isolation, RunStarted, WorkerStarted
from tests.cli.command import Soak

#: Each iteration tells its process and how much it found there.
TELLS = """
SEEN = []

@soak.scenario(seconds=5.0, rounds=1)
def tells(target, rng):
    with open(os.environ["TOLD"], "a") as file:
        file.write(f"{os.getpid()} {len(SEEN)} {rng.random()}\\n")
    SEEN.append(1)
    yield

@tells.operation(threads=1)
def work(state, rng):
    pass
"""


@pytest.mark.parametrize(("how", "processes"), [("iteration", 4), ("run", 1)])
def test_each_iteration_has_a_process_or_the_run_has(
    soak: Soak, tmp_path: Path, how: str, processes: int
) -> None:
    """Four iterations, four processes that have seen nothing; or one, which has. It is said which."""
    told = tmp_path / "told"
    words = ("run", soak.story(TELLS), "--count", "4", "--seed", "3", "--isolation", how)
    done = soak(*words, env={"TOLD": str(told)})
    assert done.code == 0, done.stderr
    lines = [line.split() for line in told.read_text().splitlines()]
    assert len({line[0] for line in lines}) == processes
    assert [line[1] for line in lines] == (["0"] * 4 if how == "iteration" else ["0", "1", "2", "3"])
    assert [event.first_iteration for event in done.of(WorkerStarted)] == list(range(4))[: processes or 1]
    assert done.of(RunStarted)[0].isolation is Isolation(how)
    assert (", each iteration in a fresh process:" in done.stdout) == (how == "iteration")
    assert soak("report", "--json").document()["isolation"] == how


def test_isolation_does_not_change_the_choices(soak: Soak, tmp_path: Path) -> None:
    """Iteration 2 draws the same in either."""
    drawn = []
    for how in ("iteration", "run"):
        told = tmp_path / how
        env = {"TOLD": os.fspath(told)}
        soak("run", soak.story(TELLS), "--count", "3", "--seed", "5", "--isolation", how, env=env)
        drawn.append([line.split()[2] for line in told.read_text().splitlines()])
    assert drawn[0] == drawn[1]
