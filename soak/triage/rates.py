"""How often a finding came when it was last measured, and what it means that it does not come now."""

from __future__ import annotations

import time
from dataclasses import dataclass

from soak.findings.finding import Finding
from soak.findings.statistics import chance_of_none, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """``hits`` in ``tries``, as ``source`` counted them: "measured on 2026-11-24"."""

    hits: int
    tries: int
    source: str

    @property
    def value(self) -> float:
        """Between 0 (exclusive) and 1."""
        return self.hits / self.tries

    def in_words(self) -> str:
        """``the rate measured on 2026-11-24 (5/20, 25 %)``."""
        return f"the rate {self.source} ({self.hits}/{self.tries}, {percent(self.value)} %)"


def last_measured(finding: Finding) -> Rate | None:
    """The last rate at which its reproducer brought the finding back; None where it never did."""
    for measured in reversed(finding.reproductions):
        if measured.hits:
            day = time.strftime("%Y-%m-%d", time.localtime(measured.t))
            return Rate(hits=measured.hits, tries=measured.tries, source=f"measured on {day}")
    return None


def say_none(tries: int, rate: Rate) -> str:
    """``0/20; if the rate measured on 2026-11-24 (5/20, 25 %) were true, the chance of this is 0.3 %``.

    A finding that came every time has no rate that could be true and show this: that is said instead.
    """
    if rate.hits == rate.tries:
        return f"0/{tries}; by {rate.in_words()}, it came every time before"
    chance = chance_of_none(rate.value, tries)
    said = f"{percent(chance)} %" if chance >= 1e-6 else "less than 0.0001 %"
    return f"0/{tries}; if {rate.in_words()} were true, the chance of this is {said}"
