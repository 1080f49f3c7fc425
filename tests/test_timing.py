"""Spreads: right to nine percent, and the same whether added up early or late."""

from __future__ import annotations

import pytest

from soak.timing import Spread, Took, add_up, say_seconds


def spread_of(*seconds: float) -> Took:
    spread = Spread()
    for each in seconds:
        spread.add(each)
    return spread.took()


def test_a_spread_is_right_to_nine_percent() -> None:
    """Half of the calls, ninety-nine of a hundred, and the longest, which is exact."""
    took = spread_of(*(number / 1000 for number in range(1, 1001)))
    assert took.count == 1000
    assert took.at(0.5) == pytest.approx(0.5, rel=0.095)
    assert took.at(0.99) == pytest.approx(0.99, rel=0.095)
    assert took.longest == 1.0


def test_no_share_is_longer_than_the_longest() -> None:
    """One call is its own half, ninety-nine hundredths and maximum."""
    took = spread_of(0.004)
    assert took.at(0.5) <= took.at(0.99) <= took.longest == 0.004


def test_spreads_add_up() -> None:
    """Two workers' calls are told as if one had made them all."""
    early, late = (0.001, 0.002, 0.004), (0.008, 1.5)
    assert add_up((spread_of(*early), spread_of(*late))) == spread_of(*early, *late)
    assert add_up(()) == Took(count=0, longest=0.0)


def test_nothing_takes_nothing() -> None:
    """A call that no clock could tell from nothing is counted, and no call at all is no error."""
    assert spread_of(0.0).at(0.5) == 0.0
    assert Took(count=0, longest=0.0).at(0.99) == 0.0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0.00 µs"), (1.234e-5, "12.3 µs"), (0.9996e-3, "1.00 ms"), (0.1234, "123 ms"), (1.2, "1.20 s")],
)
def test_seconds_are_said_in_three_digits(seconds: float, said: str) -> None:
    """Whatever their size."""
    assert say_seconds(seconds) == said


def test_a_spread_says_its_three_figures() -> None:
    """In the order in which people ask."""
    assert str(spread_of(0.5)) == "p50 459 ms, p99 459 ms, max 500 ms"
