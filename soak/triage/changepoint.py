"""Which of many commits brought a flaky failure: a Bayesian search that believes a hit, and a miss a little.

A commit either has the failure or not, and from the first bad one on, all have it. A hit proves that a
commit has it. A miss makes it less likely, as far as the failure is frequent; how frequent it is, is learned
on the way: its rate has a uniform prior (Bayes and Laplace), which is integrated out exactly, so that a rate
that was measured by three tries is not taken for known. The next commit is the one whose chance to be bad is
nearest to a half: probabilistic bisection (Horstein 1963), which learns the most from a try where answers are
noisy (Ben-Or and Hassidim 2008, "The Bayesian learner is optimal for noisy binary search").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from soak.findings.statistics import tries_to_see

#: The longest series of tries at one commit before the search looks where another one tells more.
_SERIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """The commits ``first`` to ``last`` (numbers) that no test can tell apart, and their ``chance`` together:
    one, unless those before ``last`` could not be tested."""

    first: int
    last: int
    chance: float

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)


class Search:
    """Commits 0 to ``last``: 0 is said to be good and ``last`` to be bad, and neither is taken for granted,
    but that at least one of them is bad."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._hits = [0] * (last + 1)
        self._misses = [0] * (last + 1)
        self._skipped: set[int] = set()

    def saw(self, number: int, hits: int, misses: int) -> None:
        """Tries at a commit."""
        self._hits[number] += hits
        self._misses[number] += misses

    def skip(self, number: int) -> None:
        """A commit that cannot be tested."""
        self._skipped.add(number)

    def counts(self, number: int) -> tuple[int, int]:
        """Hits and misses at a commit so far."""
        return self._hits[number], self._misses[number]

    @property
    def tries(self) -> int:
        return sum(self._hits) + sum(self._misses)

    def first_bad(self) -> list[float]:
        """For each commit the chance that it is the first bad one; all were alike before the first try."""
        weights, hits, misses = [], 0, 0
        earliest_hit = next((number for number, hit in enumerate(self._hits) if hit), self._last)
        for number in reversed(range(self._last + 1)):
            hits += self._hits[number]
            misses += self._misses[number]
            likely = _log_marginal(hits, misses) if number <= earliest_hit else -math.inf
            weights.append(likely)
        weights.reverse()
        highest = max(weights)
        scaled = [math.exp(weight - highest) for weight in weights]
        return [weight / sum(scaled) for weight in scaled]

    def bad(self) -> list[float]:
        """For each commit the chance that it has the failure."""
        so_far, chances = 0.0, []
        for chance in self.first_bad():
            so_far += chance
            chances.append(min(1.0, so_far))
        return chances

    def rate(self) -> float:
        """How often a bad commit fails, as far as is known: the mean over what may be the first bad one."""
        mean, hits, misses = 0.0, 0, 0
        for number, chance in reversed(list(enumerate(self.first_bad()))):
            hits += self._hits[number]
            misses += self._misses[number]
            mean += chance * (hits + 1) / (hits + misses + 2)
        return mean

    def suspects(self) -> Suspects:
        """The likeliest place of the first bad commit."""
        first_bad = self.first_bad()
        best, first = Suspects(first=0, last=0, chance=-1.0), 0
        for number in range(self._last + 1):
            if number in self._skipped and number != self._last:
                continue
            chance = sum(first_bad[first : number + 1])
            if chance > best.chance:
                best = Suspects(first=first, last=number, chance=chance)
            first = number + 1
        return best

    def next(self) -> int | None:
        """The commit where tries tell the most now; None where no other can be tested."""
        chances = self.bad()
        open_ = [
            number
            for number in range(self._last)
            if number not in self._skipped and 1e-12 < chances[number] < 1 - 1e-12
        ]
        return min(open_, key=lambda number: abs(chances[number] - 0.5), default=None)

    def series(self, confidence: float) -> int:
        """So many clean tries make a commit good, with this confidence, by the rate that is known."""
        return min(_SERIES, tries_to_see(min(0.999, self.rate()), confidence))


def _log_marginal(hits: int, misses: int) -> float:
    """The logarithm of B(h+1, m+1): how likely so many hits and misses are in one order, over all rates."""
    return math.lgamma(hits + 1) + math.lgamma(misses + 1) - math.lgamma(hits + misses + 2)
