"""Rates and bounds against published values."""

from __future__ import annotations

import pytest

from soak.findings.statistics import (
    chance_of_clean,
    chance_of_none,
    clean_runs_needed,
    percent,
    say_bound,
    say_rate,
    tries_to_see,
    wilson,
    zero_failure_bound,
)


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [
        # Newcombe 1998, table I, Wilson's score method without continuity correction.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (7, 20, 0.1812, 0.5671),
        (29, 29, 0.8830, 1.0000),
    ],
)
def test_wilson(hits: int, tries: int, low: float, high: float) -> None:
    """Wilson's interval is the published one, to four digits."""
    assert list(wilson(hits, tries)) == pytest.approx([low, high], abs=5e-5)


def test_wilson_of_nothing() -> None:
    """Nothing tried leaves every rate open."""
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "tries"), [(3, 2), (-1, 5), (1, 0)])
def test_wilson_of_nonsense(hits: int, tries: int) -> None:
    """More hits than tries is a mistake of the caller's."""
    with pytest.raises(ValueError, match="expected 0 <= hits <= tries"):
        wilson(hits, tries)


@pytest.mark.parametrize(("tries", "bound"), [(360, 0.00829), (1, 0.95), (20, 0.1391), (3000, 0.000998)])
def test_zero_failures(tries: int, bound: float) -> None:
    """No failure in n bounds the rate at 1 − 0.05^(1/n): 0.83 % for the 360 iterations of half an hour."""
    assert zero_failure_bound(tries) == pytest.approx(bound, rel=1e-3)


def test_rule_of_three() -> None:
    """For many tries the exact bound is about 3/n."""
    assert zero_failure_bound(10_000) == pytest.approx(3 / 10_000, rel=2e-3)


@pytest.mark.parametrize("rate", [0.5, 0.05, 0.0083, 1e-5])
def test_tries_to_see(rate: float) -> None:
    """So many tries without a failure would exclude the rate, and one less would not."""
    tries = tries_to_see(rate)
    assert zero_failure_bound(tries) <= rate < zero_failure_bound(tries - 1)


def test_tries_to_see_nonsense() -> None:
    """A rate of nothing is never seen."""
    assert tries_to_see(1) == 1
    with pytest.raises(ValueError, match="above 0"):
        tries_to_see(0)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.0, "0"),
        (1.0, "100"),
        (0.35, "35"),
        (0.0995, "10"),
        (0.025, "2.5"),
        (0.00829, "0.83"),
        (1.2e-5, "0.0012"),
    ],
)
def test_percent(rate: float, words: str) -> None:
    """Per cent with the digits that count."""
    assert percent(rate) == words


def test_words() -> None:
    """Rates and bounds are said with their intervals."""
    assert say_rate(7, 20) == "7/20 (35 %, 95 % interval 18–57 %)"
    assert say_rate(0, 0) == "0/0"
    assert say_bound(360) == "at most 0.83 % per iteration, with 95 % confidence"
    assert say_bound(0) == "nothing, for no iteration was finished"


def test_chance_of_none() -> None:
    """0.75 to the power of 20."""
    assert chance_of_none(0.25, 20) == pytest.approx(0.00317, abs=1e-5)


@pytest.mark.parametrize(
    ("hits", "tries", "clean", "p"),
    [
        # C(20, 7) / C(29, 7) and C(20, 7) / C(30, 7), by hand.
        (7, 20, 9, 77520 / 1560780),
        (7, 20, 8, 77520 / 1184040),
        (3, 3, 3, 1 / 20),
        (1, 20, 380, 1 / 20),
        (5, 20, 0, 1.0),
    ],
)
def test_chance_of_clean(hits: int, tries: int, clean: int, p: float) -> None:
    """Fisher's exact test with an empty cell is one quotient of binomial coefficients."""
    assert chance_of_clean(hits, tries, clean) == pytest.approx(p)


@pytest.mark.parametrize(
    ("hits", "tries", "needed"), [(7, 20, 9), (20, 20, 1), (3, 3, 3), (1, 1, 19), (1, 20, 380)]
)
def test_clean_runs_needed(hits: int, tries: int, needed: int) -> None:
    """The smallest number that the test takes, and one less is not enough."""
    assert clean_runs_needed(hits, tries) == needed
    assert chance_of_clean(hits, tries, needed - 1) > 0.05


def test_a_large_count_asks_for_what_its_rate_asks_for() -> None:
    """118/2417 is as good as a known rate of 4.9 %: 61 runs by the test, 60 by the rate."""
    assert clean_runs_needed(118, 2417) == 61
    assert tries_to_see(118 / 2417) == 60


@pytest.mark.parametrize(("hits", "tries"), [(0, 5), (6, 5)])
def test_what_never_came_asks_for_nothing(hits: int, tries: int) -> None:
    """There is no rate to hold against."""
    with pytest.raises(ValueError, match="hits"):
        clean_runs_needed(hits, tries)
