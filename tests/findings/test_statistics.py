"""Rates and bounds against published values."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction

import pytest

from soak.findings.statistics import (
    chance_of_clean,
    chance_of_none,
    clean_runs_needed,
    exact_interval,
    fisher_fewer,
    fisher_more,
    mean_time_between,
    more_tries,
    percent,
    poisson_fewer,
    poisson_interval,
    poisson_more,
    say_bound,
    say_chance,
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


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [
        # Newcombe 1998, table I, method 5 (Clopper and Pearson).
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0000, 0.1684),
        (1, 29, 0.0009, 0.1776),
        (29, 29, 0.8806, 1.0000),
    ],
)
def test_exact_interval(hits: int, tries: int, low: float, high: float) -> None:
    """The exact interval is the published one, to four digits."""
    assert list(exact_interval(hits, tries)) == pytest.approx([low, high], abs=5e-5)


def test_exact_interval_of_nothing_and_of_nonsense() -> None:
    """Nothing tried leaves every rate open; more hits than tries is a mistake."""
    assert exact_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="expected 0 <= hits <= tries"):
        exact_interval(3, 2)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Garwood 1936; Ulm 1990, table 1.
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683), (10, 4.7954, 18.3904)],
)
def test_poisson_interval(count: int, low: float, high: float) -> None:
    """The exact interval of a count is the published one."""
    assert list(poisson_interval(count)) == pytest.approx([low, high], abs=5e-5)


def test_mean_time_between() -> None:
    """Five in an hour come every twelve minutes, or every 5 to 37; none in an hour bounds it from below."""
    mean, low, high = mean_time_between(5, 3600.0)
    assert (mean, low, high) == pytest.approx((720.0, 3600 / 11.6683, 3600 / 1.6235), rel=1e-4)
    mean, low, high = mean_time_between(0, 3600.0)
    assert (mean, high) == (math.inf, math.inf)
    assert low == pytest.approx(3600 / 2.9957, rel=1e-4)


@pytest.mark.parametrize(
    ("table", "p"),
    [
        # Fisher 1935: the lady who tastes tea; the convicts who are twins (Yates 1934: 0.000465).
        ((4, 4, 0, 4), 1 / 70),
        ((3, 4, 1, 4), 17 / 70),
        ((10, 13, 2, 17), 619 / 1330665),
        ((5, 360, 0, 360), float(Fraction(math.comb(360, 5), math.comb(720, 5)))),
        ((0, 10, 5, 10), 1.0),
    ],
)
def test_fisher(table: tuple[int, int, int, int], p: float) -> None:
    """Fisher's test gives the published values, and both its sides are one when seen from the other side."""
    hits, tries, other_hits, other_tries = table
    assert fisher_more(*table) == pytest.approx(p, rel=1e-9)
    assert fisher_fewer(other_hits, other_tries, hits, tries) == pytest.approx(p, rel=1e-9)


def test_fisher_by_counting() -> None:
    """Every table of five and seven tries has the chance that exact arithmetic gives it, on both sides."""
    for hits in range(6):
        for other in range(8):
            whole = math.comb(12, hits + other)
            chance = [
                math.comb(5, k) * math.comb(7, hits + other - k) if k <= hits + other else 0 for k in range(6)
            ]
            assert fisher_more(hits, 5, other, 7) == pytest.approx(sum(chance[hits:]) / whole, abs=1e-12)
            assert fisher_fewer(hits, 5, other, 7) == pytest.approx(
                sum(chance[: hits + 1]) / whole, abs=1e-12
            )


def test_fisher_of_many() -> None:
    """Millions of tries cost no more and lose no digit that counts: near the limit of Poisson's test."""
    few = fisher_more(9, 2_000_000, 2, 2_000_000)
    assert few == pytest.approx(poisson_more(9, 1.0, 2, 1.0), rel=1e-4)


@pytest.mark.parametrize(
    ("count", "seconds", "other", "other_seconds"),
    # The third is Rothman and Greenland's: breast cancers among women with and without fluoroscopy.
    [(5, 1.0, 0, 1.0), (3, 2.0, 4, 6.0), (41, 28010.0, 15, 19017.0), (0, 1.0, 4, 1.0), (2, 1.0, 0, 9.0)],
)
def test_poisson_counts(count: int, seconds: float, other: int, other_seconds: float) -> None:
    """Two counts compared are a binomial test of their sum, to the last digit of exact arithmetic."""
    share, whole = Fraction(seconds) / Fraction(seconds + other_seconds), count + other
    chance = [math.comb(whole, k) * share**k * (1 - share) ** (whole - k) for k in range(whole + 1)]
    args = (count, seconds, other, other_seconds)
    assert poisson_more(*args) == pytest.approx(float(sum(chance[count:])), rel=1e-9)
    assert poisson_fewer(*args) == pytest.approx(float(sum(chance[: count + 1])), rel=1e-9)


def test_poisson_nonsense() -> None:
    """Nothing can be compared without any time."""
    with pytest.raises(ValueError, match="in some time"):
        poisson_more(1, 0.0, 1, 0.0)


def test_more_tries() -> None:
    """A failure of 0.02 % needs 14,978 tries to be seen at 95 %: those that were made count."""
    assert more_tries(0.0002, 0) == 14_978
    assert more_tries(0.0002, 360) == 14_618
    assert more_tries(0.0002, 20_000) == 0


def test_scipy_comes_late() -> None:
    """Bounds and first rates cost no import of scipy."""
    program = (
        "import sys; from soak.findings.statistics import *; say_rate(7, 20); exact_interval(0, 9); "
        "fisher_more(1, 2, 3, 4); sys.exit('scipy' in sys.modules or 'numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    ("p", "words"), [(1.0, "p = 1"), (0.0344, "p = 0.034"), (0.3, "p = 0.3"), (2.2e-7, "p = 2e-07")]
)
def test_chances(p: float, words: str) -> None:
    """A chance is said with the digits that count."""
    assert say_chance(p) == words


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
