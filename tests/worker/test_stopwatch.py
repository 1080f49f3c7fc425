"""What was timed is told now and then, and whole."""

from __future__ import annotations

from pathlib import Path

import pytest

import soak
from soak.events import Beat
from soak.worker.stopwatch import EVERY, Stopwatch
from tests.worker.harness import soak_story


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_tells_at_once_and_then_every_so_often() -> None:
    """The first time is told, the next within ten seconds is not, unless it is the last."""
    clock = Clock()
    watch = Stopwatch(clock)
    assert watch.tell(now=True) == {}
    watch.took("get", 0.1)
    assert watch.tell()["get"].count == 1
    watch.took("get", 0.2)
    assert watch.tell() == {}
    assert watch.has_news
    assert watch.tell(now=True)["get"].count == 2
    clock.now = EVERY
    assert watch.tell() == {}
    watch.took("get", 0.3)
    clock.now = 2 * EVERY
    assert watch.tell()["get"].longest == 0.3


def test_names_are_told_apart_and_bounded() -> None:
    """Each has a spread of its own; a name with a number in it does not fill the stream."""
    watch = Stopwatch()
    for number in range(1000):
        watch.took(f"get {number}", 0.1)
    watch.took("get 0", 0.1)
    told = watch.tell()
    assert told["get 0"].count == 2
    assert len(told) < 100


def test_a_worker_tells_what_was_timed(tmp_path: Path) -> None:
    """What threads of operations, checks and teardown say is in the last beat, all of it."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=10.0, rounds=5)
        def story(target, rng):
            yield None
            soak.took("teardown", 0.5)

        @story.operation(threads=4)
        def work(state, rng):
            soak.took("work", 0.001)
        """,
        count=3,
    )
    told = [beat.took for beat in outcome.of(Beat) if beat.took][-1]
    assert {what: took.count for what, took in told.items()} == {"work": 60, "teardown": 3}
    assert told["teardown"].longest == 0.5


def test_elsewhere_nobody_listens(capfd: pytest.CaptureFixture[str]) -> None:
    """Outside a worker, saying it is silent."""
    soak.took("work", 0.001)
    assert capfd.readouterr() == ("", "")
