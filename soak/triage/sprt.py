"""A sequential test of a rate: as few tries as the evidence needs.

Wald's sequential probability ratio test (A. Wald, "Sequential Tests of Statistical Hypotheses", The Annals of
Mathematical Statistics 16, 1945): after each try, the likelihood of the *good* rate against that of the *bad*
one is held against two bounds.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

#: How often a candidate of the bad rate is accepted, and one of the good rate rejected, at most.
WRONGLY_ACCEPTED, WRONGLY_REJECTED = 0.02, 0.05
#: A test that has not decided after so many tries' worth of the good rate rejects.
_PATIENCE = 20.0
_LOWEST, _HIGHEST = 0.002, 0.95


class Judgement(enum.Enum):
    """What the tries so far say."""

    ACCEPT = "accepted"
    REJECT = "rejected"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprt:
    """Whether something comes at the rate ``good`` or more, against ``bad`` or less."""

    good: float
    bad: float

    @property
    def limit(self) -> int:
        """After so many tries without a decision the answer is no."""
        return math.ceil(_PATIENCE / self.good)

    def judge(self, hits: int, tries: int) -> Judgement:
        """What ``hits`` of ``tries`` say."""
        evidence = hits * math.log(self.good / self.bad) + (tries - hits) * math.log(
            (1 - self.good) / (1 - self.bad)
        )
        if evidence >= math.log((1 - WRONGLY_REJECTED) / WRONGLY_ACCEPTED):
            return Judgement.ACCEPT
        if evidence <= math.log(WRONGLY_REJECTED / (1 - WRONGLY_ACCEPTED)) or tries >= self.limit:
            return Judgement.REJECT
        return Judgement.OPEN

    def has_decided(self, hits: int, tries: int) -> bool:
        """Whether no more tries are needed."""
        return self.judge(hits, tries) is not Judgement.OPEN


def usable(rate: float, nothing: float = 0.0) -> Sprt:
    """The test for what keeps at least half of ``rate``, against an eighth of it; both above ``nothing``, the
    rate that says nothing.

    Raises:
        ValueError: ``rate`` is not above ``nothing``.
    """
    if not 0 <= nothing < rate <= 1:
        raise ValueError(f"expected a rate above {nothing} and at most 1, got {rate}")
    good = max(2 * _LOWEST, min(_HIGHEST, nothing + (rate - nothing) / 2))
    bad = max(_LOWEST, nothing + (rate - nothing) / 8)
    return Sprt(good=good, bad=min(bad, 0.95 * good))
