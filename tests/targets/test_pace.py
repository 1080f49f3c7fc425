"""How long calls take, with a clock in hand."""

from __future__ import annotations

import threading

import pytest

from soak.targets.pace import TURNS_PER_SECOND, Pace

PROMISE = "the call returns in bounded time"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def take(pace: Pace, clock: Clock, seconds: float, turns: int = 0, name: str = "call") -> None:
    """A call of ``seconds``, in which the ticker has ``turns`` turns."""
    with pace.timed(name, PROMISE, 1.0):
        for _ in range(turns):
            pace.tick()
        clock.now += seconds


def test_a_call_that_took_long_while_the_processor_was_to_be_had_is_told() -> None:
    """Longer than its limit, and the ticker had its turns: it waited for something else."""
    clock = Clock()
    with pytest.raises(AssertionError, match=PROMISE):
        take(Pace(clock, lambda: None), clock, 1.5, turns=TURNS_PER_SECOND)


def test_a_call_that_took_long_on_a_machine_that_did_nothing_else_is_not_told() -> None:
    """The ticker did not have its turns either: nothing can be said of the call."""
    clock = Clock()
    take(Pace(clock, lambda: None), clock, 60.0, turns=TURNS_PER_SECOND - 1)
    assert clock.now == 160.0


def test_a_call_in_time_is_not_told() -> None:
    """However often the ticker came."""
    clock = Clock()
    take(Pace(clock, lambda: None), clock, 1.0, turns=1000)


def test_a_call_that_does_not_return_is_told_by_the_ticker() -> None:
    """A deadlock needs no return to be seen."""
    clock = Clock()
    pace = Pace(clock, lambda: None)
    inside, over = threading.Event(), threading.Event()

    def block() -> None:
        with pace.timed("call", PROMISE, 60.0):
            inside.set()
            over.wait(60)

    blocked = threading.Thread(target=block)
    blocked.start()
    inside.wait(60)
    for _ in range(60 * TURNS_PER_SECOND):
        assert pace.tick()
    clock.now += 60.5
    with pytest.raises(AssertionError, match="inside"):
        pace.tick()
    clock.now -= 1.0
    over.set()
    blocked.join(60)
    assert pace.tick()


def test_an_outer_call_is_watched_again_after_an_inner_one() -> None:
    """A listener's call inside of a reload does not hide the reload."""
    clock = Clock()
    pace = Pace(clock, lambda: None)
    with pytest.raises(AssertionError, match="outer"), pace.timed("outer", PROMISE, 1.0):
        take(pace, clock, 0.5, name="inner")
        for _ in range(TURNS_PER_SECOND):
            pace.tick()
        clock.now += 0.6
        pace.tick()


def test_a_turn_is_a_threads_life() -> None:
    """Unless told otherwise, the ticker starts and joins a thread, and leaves none behind."""
    before = threading.active_count()
    assert Pace().tick()
    assert threading.active_count() == before
