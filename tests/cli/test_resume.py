"""`soak run --resume`: the same run goes on, with its own budget, seed and counters."""

from __future__ import annotations

import signal

from soak.events import Beat, RunStarted
from tests.cli.command import Soak

STEADY = """
@soak.scenario(seconds=5.0, rounds=1)
def steady(target, rng):
    yield

@steady.operation(threads=1)
def work(state, rng):
    time.sleep(0.05)
"""


def test_a_run_that_was_interrupted_goes_on(soak: Soak) -> None:
    """The iterations of both parts are those that were asked for, in one run of one seed."""
    running = soak.start("run", soak.story(STEADY), "--count", "60", "--jobs", "1", "--seed", "7")
    running.wait_for(Beat)
    running.send(signal.SIGINT)
    assert running.finish().code == 130
    done = soak("run", "--resume", "--json")
    assert done.code == 0, done.stderr
    assert len(done.runs()) == 1
    document = done.document()
    assert document["seed"] == 7
    (row,) = document["scenarios"]
    assert row["iterations"] == 60
    assert len(done.of(RunStarted)) == 1
    again = soak("run", "--resume")
    assert again.code == 2
    assert "holds no run that was interrupted" in again.stderr


def test_what_a_resumed_run_cannot_be_told(soak: Soak) -> None:
    """Its seed and budget are its own: an option that asks for others is refused by name."""
    told = soak("run", "--resume", "--seed", "3")
    assert told.code == 2
    assert "--seed" in told.stderr
