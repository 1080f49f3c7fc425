"""Fisher's exact test on two counts: small enough to need no library.

R. A. Fisher, "On the Interpretation of χ² from Contingency Tables, and the Calculation of P", Journal of the
Royal Statistical Society 85, 1922.
"""

from __future__ import annotations

from math import comb


def fisher_more(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    """How likely at least so many of all hits fall to the first count, if both had the same rate (one-sided).

    Raises:
        ValueError: more hits than tries, or a negative number.
    """
    if not (0 <= hits <= tries and 0 <= other_hits <= other_tries):
        raise ValueError(
            f"expected 0 <= hits <= tries, got {hits} of {tries} and {other_hits} of {other_tries}"
        )
    all_hits, all_tries = hits + other_hits, tries + other_tries
    ways = comb(all_tries, all_hits)
    extreme = sum(
        comb(tries, count) * comb(other_tries, all_hits - count)
        for count in range(hits, min(tries, all_hits) + 1)
    )
    return extreme / ways
