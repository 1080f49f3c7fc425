"""Wald's test: evidence, not one hit, and few tries where the evidence is plain."""

from __future__ import annotations

import random

import pytest

from soak.triage.sprt import Judgement, Sprt, usable


def judged(test: Sprt, rate: float, rng: random.Random) -> tuple[Judgement, int]:
    """What the test says of something that comes at ``rate``, and after how many tries."""
    hits = tries = 0
    while not test.has_decided(hits, tries):
        tries += 1
        hits += rng.random() < rate
    return test.judge(hits, tries), tries


def test_one_hit_is_no_evidence() -> None:
    """What always came must come three times; what never comes is given up after six tries."""
    test = usable(1.0)
    assert [test.judge(hits, hits) for hits in (1, 2)] == [Judgement.OPEN] * 2
    assert test.judge(3, 3) is Judgement.ACCEPT
    assert [test.judge(0, tries) for tries in (5, 6)] == [Judgement.OPEN, Judgement.REJECT]


@pytest.mark.parametrize("rate", [1.0, 0.3, 0.05])
def test_wrong_answers_are_as_rare_as_promised(rate: float) -> None:
    """Half of the rate is kept in 95 of 100, an eighth thrown away in 98; the margin is three sigmas."""
    rng = random.Random(1)
    test = usable(rate)
    runs = 600
    lost = sum(judged(test, test.good, rng)[0] is Judgement.REJECT for _ in range(runs))
    fooled = sum(judged(test, test.bad, rng)[0] is Judgement.ACCEPT for _ in range(runs))
    assert lost <= runs * (0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5)
    assert fooled <= runs * (0.02 + 3 * (0.02 * 0.98 / runs) ** 0.5)


def test_nothing_is_never_accepted() -> None:
    """Not one hit in as many tries as one likes: rejected, within the limit."""
    for rate in (1.0, 0.3, 0.05, 0.01):
        test = usable(rate)
        assert test.judge(0, test.limit) is Judgement.REJECT


def test_a_rate_is_held_against_what_comes_anyway() -> None:
    """Where one in two comes anyway, the bad rate lies above it."""
    test = usable(1.0, nothing=0.5)
    assert 0.5 < test.bad < test.good < 1
    with pytest.raises(ValueError, match=r"above 0\.5"):
        usable(0.5, nothing=0.5)
