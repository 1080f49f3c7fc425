"""Delta debugging: what is left is 1-minimal, and little is asked."""

from __future__ import annotations

import itertools

import pytest

from soak.triage.ddmin import ddmin


@pytest.mark.parametrize("needed", list(itertools.combinations(range(8), 2)))
def test_two_of_eight_are_found(needed: tuple[int, ...]) -> None:
    """Whichever two are needed, they and nothing else are left."""
    asked = []

    def holds(part: tuple[int, ...]) -> bool:
        asked.append(part)
        return set(needed) <= set(part)

    assert ddmin(range(8), holds) == needed
    assert len(asked) <= 40


def test_nothing_may_be_needed() -> None:
    """One question."""
    asked = []

    def holds(part: tuple[str, ...]) -> bool:
        asked.append(part)
        return True

    assert ddmin("abc", holds) == ()
    assert asked == [()]


def test_all_may_be_needed() -> None:
    """They stay in their order."""
    assert ddmin("abcd", lambda part: len(part) == 4) == ("a", "b", "c", "d")


def test_one_alone_is_asked_whether_it_is_needed() -> None:
    """A list of one, and none."""
    assert ddmin("a", lambda part: True) == ()
    assert ddmin("a", lambda part: bool(part)) == ("a",)
    assert ddmin("", lambda part: False) == ()
