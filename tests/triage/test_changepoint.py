"""The search for the first bad commit, on planted ones: as right as it says, and sparing with tries."""

from __future__ import annotations

import random

import pytest

from soak.triage.changepoint import Search


def searched(
    search: Search, planted: int, rate: float, rng: random.Random, confidence: float = 0.95
) -> Search:
    """The search after it was sure: a commit from ``planted`` on fails in ``rate`` of its tries."""
    last = len(search.first_bad()) - 1
    _try(search, last, planted, rate, rng, 20)
    _try(search, 0, planted, rate, rng, search.series(confidence))
    while search.suspects().chance < confidence and (number := search.next()) is not None:
        _try(search, number, planted, rate, rng, search.series(confidence))
    return search


def _try(search: Search, number: int, planted: int, rate: float, rng: random.Random, tries: int) -> None:
    for _ in range(tries):
        hit = number >= planted and rng.random() < rate
        search.saw(number, int(hit), int(not hit))
        if hit and number != len(search.first_bad()) - 1:
            return


def test_a_hit_proves_and_a_miss_does_not() -> None:
    """After a hit no later commit can be the first bad one; after a miss an earlier one still can."""
    search = Search(10)
    search.saw(10, 3, 0)
    search.saw(6, 1, 0)
    assert sum(search.first_bad()[7:]) == 0
    search.saw(3, 0, 2)
    assert 0 < search.bad()[3] < 0.5
    assert search.bad()[6] == pytest.approx(1.0)


def test_the_chances_are_those_of_bayes() -> None:
    """Two candidates, 1/1 at the bad one, one miss at the other: B(2,2) against B(2,1), one to three."""
    search = Search(1)
    search.saw(1, 1, 0)
    search.saw(0, 0, 1)
    assert search.first_bad() == pytest.approx([1 / 4, 3 / 4])


@pytest.mark.parametrize("rate", [1.0, 0.5, 0.15])
def test_it_is_as_right_as_it_says(rate: float) -> None:
    """On 60 planted commits of 64, the answer is right in 95 of 100, within what chance allows."""
    rng = random.Random(7)
    right = 0
    for _ in range(60):
        planted = rng.randrange(1, 65)
        suspects = searched(Search(64), planted, rate, rng).suspects()
        right += (suspects.first, suspects.last) == (planted, planted)
    assert right >= 53


def test_what_always_fails_takes_little_more_than_plain_bisection() -> None:
    """64 commits are six steps; each costs a few tries, since nobody knows that it always fails."""
    rng = random.Random(7)
    search = searched(Search(64), 40, 1.0, rng)
    assert search.tries - 20 <= 24


def test_the_rarer_the_failure_the_longer_the_series() -> None:
    """Repeats follow from the rate: 7/20 asks for seven or eight, 20/20 for one or two."""
    rare, sure = Search(4), Search(4)
    rare.saw(4, 7, 13)
    sure.saw(4, 20, 0)
    assert rare.series(0.95) in range(7, 10)
    assert sure.series(0.95) in (1, 2)


def test_commits_that_cannot_be_tested_blur_the_answer() -> None:
    """Between a clean commit and a bad one with two untestable ones, it is one of three."""
    search = Search(6)
    for number in (3, 4):
        search.skip(number)
    searched(search, 4, 1.0, random.Random(7))
    suspects = search.suspects()
    assert (suspects.first, suspects.last) == (3, 5)
    assert suspects.chance >= 0.95
    assert list(suspects.numbers) == [3, 4, 5]


def test_what_was_called_good_may_be_bad() -> None:
    """A hit there leaves no other answer."""
    search = Search(5)
    search.saw(5, 2, 0)
    search.saw(0, 1, 3)
    assert (search.suspects().last, search.suspects().chance) == (0, 1.0)


def test_nothing_is_left_to_test() -> None:
    """All between are skipped and the good one is bad: there is no next."""
    search = Search(3)
    search.skip(1)
    search.skip(2)
    search.saw(3, 1, 0)
    search.saw(0, 1, 0)
    assert search.next() is None
