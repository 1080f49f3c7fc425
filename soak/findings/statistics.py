"""Honest numbers: rates with their intervals, and what a run without a failure has proved."""

from __future__ import annotations

import math
from statistics import NormalDist

CONFIDENCE = 0.95


def wilson(hits: int, tries: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval for a rate; (0, 1) where nothing was tried.

    Raises:
        ValueError: more hits than tries, or a negative number.
    """
    if not 0 <= hits <= tries:
        raise ValueError(f"expected 0 <= hits <= tries, got {hits} of {tries}")
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


def chance_of_none(rate: float, tries: int) -> float:
    """How likely it is that ``tries`` in a row show nothing of a failure of this rate."""
    return float((1 - rate) ** tries)


def clean_runs_needed(hits: int, tries: int, confidence: float = CONFIDENCE) -> int:
    """So many runs without a failure show that it comes less often than the ``hits`` in ``tries`` before.

    By Fisher's exact test, one-sided: the smallest n for which, if all ``tries`` + n had one rate, the
    failures would all lie among the first ``tries`` by chance 1 - ``confidence`` at most. Unlike
    ``tries_to_see`` it does not take the measured rate for the true one: 1/20 asks for 380, not for 59.

    Raises:
        ValueError: it never failed, or more often than it was tried.
    """
    if not 0 < hits <= tries:
        raise ValueError(f"expected 0 < hits <= tries, got {hits} of {tries}")
    needed = 0
    while chance_of_clean(hits, tries, needed) > 1 - confidence + 1e-12:
        needed = needed + 1 if needed < 1000 else math.ceil(needed * 1.01)
    return needed


def chance_of_clean(hits: int, tries: int, clean: int) -> float:
    """Fisher's exact p-value, one-sided, for ``hits`` in ``tries`` before against none in ``clean`` now."""
    below = sum(
        math.log(tries - hit) - math.log(tries + clean - hit) for hit in range(hits)
    )  # log of C(tries, hits) / C(tries + clean, hits)
    return math.exp(below)


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
