"""Fisher's exact test, against values that were worked out by hand and by R."""

from __future__ import annotations

import pytest

from soak.findings.statistics import fisher_more


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        ((3, 4), (1, 4), 17 / 70),  # Fisher's lady: the tail of 3 and 4 right
        ((20, 20), (0, 20), 1 / 137846528820),
        ((0, 20), (0, 20), 1.0),
        ((0, 20), (20, 20), 1.0),
        ((5, 10), (5, 10), 0.6718591),  # fisher.test(matrix(c(5,5,5,5),2), alternative="greater")
        ((0, 0), (3, 5), 1.0),
    ],
)
def test_known_tables(first: tuple[int, int], second: tuple[int, int], p_value: float) -> None:
    """One-sided: as many or more hits in the first."""
    assert fisher_more(*first, *second) == pytest.approx(p_value, rel=1e-6)


def test_nonsense_is_refused() -> None:
    """More hits than tries."""
    with pytest.raises(ValueError, match="5 of 4"):
        fisher_more(5, 4, 0, 1)
