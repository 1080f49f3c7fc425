"""The last rate, and what it says of tries that brought nothing."""

from __future__ import annotations

import dataclasses

from soak.events import Kind
from soak.findings.finding import Reproduction
from soak.triage.rates import Rate, last_measured, say_none
from tests.triage.test_reproduce import finding


def test_the_last_rate_is_the_last_that_was_one() -> None:
    """A later 0/20 says that it may be gone: what it is held against is the rate before."""
    measured = tuple(Reproduction(t=0.0, hits=hits, tries=20) for hits in (3, 5, 0))
    found = dataclasses.replace(finding(Kind.CRASH, 1, 0), reproductions=measured)
    rate = last_measured(found)
    assert rate is not None
    assert (rate.hits, rate.tries) == (5, 20)
    assert last_measured(finding(Kind.CRASH, 1, 0)) is None


def test_none_is_said_with_its_chance() -> None:
    """(1 - 5/20)^20 = 0.32 %."""
    rate = Rate(hits=5, tries=20, source="measured on 2026-11-24")
    assert say_none(20, rate) == (
        "0/20; if the rate measured on 2026-11-24 (5/20, 25 %) were true, the chance of this is 0.32 %"
    )
    assert "less than 0.0001 %" in say_none(100, rate)


def test_a_rate_of_all_is_no_certainty() -> None:
    """3/3 does not make 0/3 impossible: no chance of 0 % is claimed."""
    words = say_none(3, Rate(hits=3, tries=3, source="measured on 2026-11-24"))
    assert words == "0/3; by the rate measured on 2026-11-24 (3/3, 100 %), it came every time before"
