"""Honest numbers: rates with their intervals, counts compared, and what a run without a failure has proved.

scipy is imported where it is needed, and not before: with numpy it takes a third of a second.
"""

from __future__ import annotations

import math
from statistics import NormalDist

CONFIDENCE = 0.95


def wilson(hits: int, tries: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval for a rate; (0, 1) where nothing was tried.

    Raises:
        ValueError: more hits than tries, or a negative number.
    """
    _expect_counts(hits, tries)
    if tries == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = hits / tries
    middle = rate + z * z / (2 * tries)
    reach = z * math.sqrt(rate * (1 - rate) / tries + z * z / (4 * tries * tries))
    scale = 1 + z * z / tries
    low = 0.0 if hits == 0 else max(0.0, (middle - reach) / scale)
    high = 1.0 if hits == tries else min(1.0, (middle + reach) / scale)
    return low, high


def exact_interval(hits: int, tries: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of Clopper and Pearson (1934) for a rate; (0, 1) where nothing was tried.

    It covers at least as often as it says, which Wilson's does on average: for what is to be proved.

    Raises:
        ValueError: more hits than tries, or a negative number.
    """
    _expect_counts(hits, tries)
    tail = (1 - confidence) / 2
    if tries == 0:
        return 0.0, 1.0
    if hits == 0:
        return 0.0, float(1 - tail ** (1 / tries))
    if hits == tries:
        return float(tail ** (1 / tries)), 1.0
    from scipy.special import betaincinv

    low = betaincinv(hits, tries - hits + 1, tail)
    high = betaincinv(hits + 1, tries - hits, 1 - tail)
    return float(low), float(high)


def poisson_interval(count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of Garwood (1936) for how often something is expected that came ``count`` times.

    Raises:
        ValueError: a negative count.
    """
    if count < 0:
        raise ValueError(f"expected a count of 0 or more, got {count}")
    tail = (1 - confidence) / 2
    if count == 0:
        return 0.0, -math.log(tail)
    from scipy.special import gammaincinv

    return float(gammaincinv(count, tail)), float(gammaincinv(count + 1, 1 - tail))


def mean_time_between(count: int, seconds: float) -> tuple[float, float, float]:
    """Seconds from one to the next of what came ``count`` times in ``seconds``: mean, and exact interval.

    Where nothing came, mean and upper end are infinite, and the lower end is the one-sided bound of 95 %: at
    most three were to be expected.
    """
    if count == 0:
        return math.inf, seconds / -math.log(1 - CONFIDENCE), math.inf
    low, high = poisson_interval(count)
    return seconds / count, seconds / high, seconds / low


def fisher_more(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    """Fisher's exact test, one-sided: the chance of at least ``hits`` if both had one rate.

    Raises:
        ValueError: more hits than tries, or a negative number.
    """
    _expect_counts(hits, tries)
    _expect_counts(other_hits, other_tries)
    most = min(tries, hits + other_hits)
    return _hypergeometric(range(hits, most + 1), tries, other_tries, hits + other_hits)


def fisher_fewer(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    """Fisher's exact test, one-sided: the chance of at most ``hits`` if both had one rate.

    Raises:
        ValueError: more hits than tries, or a negative number.
    """
    _expect_counts(hits, tries)
    _expect_counts(other_hits, other_tries)
    least = max(0, hits + other_hits - other_tries)
    return _hypergeometric(range(hits, least - 1, -1), tries, other_tries, hits + other_hits)


def poisson_more(count: int, seconds: float, other_count: int, other_seconds: float) -> float:
    """The conditional test of Przyborowski and Wilenski (1940), one-sided: the chance of at least ``count``
    in ``seconds`` if both came equally often in a given time.

    Raises:
        ValueError: a negative number, or no time at all.
    """
    share = _share(count, seconds, other_count, other_seconds)
    if count == 0:
        return 1.0
    from scipy.special import betainc

    return float(betainc(count, other_count + 1, share))


def poisson_fewer(count: int, seconds: float, other_count: int, other_seconds: float) -> float:
    """As :func:`poisson_more`: the chance of at most ``count``.

    Raises:
        ValueError: a negative number, or no time at all.
    """
    share = _share(count, seconds, other_count, other_seconds)
    if count == 0:
        return float((1 - share) ** other_count)
    if other_count == 0:
        return 1.0
    from scipy.special import betaincc

    return float(betaincc(count + 1, other_count, share))


def zero_failure_bound(tries: int, confidence: float = CONFIDENCE) -> float:
    """The highest rate that no failure in ``tries`` leaves open: exact, about 3/n for large n."""
    if tries <= 0:
        return 1.0
    return float(1 - (1 - confidence) ** (1 / tries))


def tries_to_see(rate: float, confidence: float = CONFIDENCE) -> int:
    """How many tries show a failure of this rate at least once, with this confidence.

    Raises:
        ValueError: the rate is not within 0 (exclusive) and 1.
    """
    if not 0 < rate <= 1:
        raise ValueError(f"expected a rate above 0 and at most 1, got {rate}")
    if rate == 1:
        return 1
    return math.ceil(math.log(1 - confidence) / math.log(1 - rate))


def more_tries(rate: float, tries: int, confidence: float = CONFIDENCE) -> int:
    """How many tries are missing, after ``tries`` without a hit, to have seen a failure of this rate.

    Raises:
        ValueError: the rate is not within 0 (exclusive) and 1.
    """
    return max(0, tries_to_see(rate, confidence) - tries)


def percent(rate: float) -> str:
    """A rate as per cent, two digits that count: ``35``, ``2.5``, ``0.83``, ``0.0012``."""
    value = rate * 100
    if value == 0 or value >= 9.95:
        return f"{value:.0f}"
    if value >= 0.995:
        return f"{value:.1f}"
    digits = 1 - math.floor(math.log10(value))
    return f"{value:.{min(digits, 6)}f}"


def say_rate(hits: int, tries: int) -> str:
    """``7/20 (35 %, 95 % interval 18–57 %)``."""
    if tries == 0:
        return "0/0"
    low, high = wilson(hits, tries)
    return f"{hits}/{tries} ({percent(hits / tries)} %, 95 % interval {percent(low)}–{percent(high)} %)"


def say_bound(tries: int) -> str:
    """``at most 0.83 % per iteration, with 95 % confidence`` after ``tries`` iterations without a failure."""
    if tries == 0:
        return "nothing, for no iteration was finished"
    return f"at most {percent(zero_failure_bound(tries))} % per iteration, with 95 % confidence"


def say_chance(p: float) -> str:
    """A p-value in few characters: ``p = 0.034``, ``p = 2e-07``."""
    if p >= 0.9995:
        return "p = 1"
    return f"p = {p:.2g}" if p >= 0.001 else f"p = {p:.0e}"


def _expect_counts(hits: int, tries: int) -> None:
    if not 0 <= hits <= tries:
        raise ValueError(f"expected 0 <= hits <= tries, got {hits} of {tries}")


def _share(count: int, seconds: float, other_count: int, other_seconds: float) -> float:
    """The first one's part of the time."""
    if min(count, other_count) < 0 or min(seconds, other_seconds) < 0 or seconds + other_seconds <= 0:
        raise ValueError(
            f"expected counts of 0 or more in some time, got {count} in {seconds} s and "
            f"{other_count} in {other_seconds} s"
        )
    return seconds / (seconds + other_seconds)


def _hypergeometric(wanted: range, drawn: int, left: int, marked: int) -> float:
    """The chance that as many as ``wanted`` of ``marked`` are among ``drawn`` of ``drawn + left``.

    The sum ends where terms only become smaller, and no digit of it changes any more.
    """
    whole = _log_choose(drawn + left, marked)
    total = last = 0.0
    for hits in wanted:
        term = math.exp(_log_choose(drawn, hits) + _log_choose(left, marked - hits) - whole)
        total += term
        if term < last and term < total * 1e-17:
            break
        last = term
    return min(1.0, total)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
