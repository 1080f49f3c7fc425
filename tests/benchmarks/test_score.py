"""Medians and percentiles of hunts, some of which found nothing."""

from __future__ import annotations

import math

from benchmarks.detection.hunt import Hunt
from benchmarks.detection.score import Score, compare, nearest_rank, score
from benchmarks.detection.table import cell, table, words
from benchmarks.detection.trial import Trial


def _hunt(schedules: int, *, found: bool = True, ended: bool = True, seconds: float = 1.0) -> Hunt:
    return Hunt(
        kernel="reorder_3",
        contender="soak.race",
        seed=0,
        schedules=schedules,
        seconds=seconds,
        found="AssertionError" if found else None,
        ended=ended,
        replays=2 if found else 0,
        replayed=1 if found else 0,
        shrunk=schedules % 5 if found else None,
        switches=schedules % 5 + 1 if found else None,
        shrinks=7 if found else None,
        shrinking=0.25 if found else None,
    )


def _score(*hunts: Hunt, contender: str = "soak.race") -> Score:
    return score(Trial(kernel="reorder_3", contender=contender, hunts=hunts, seconds=3.0))


def test_nearest_rank_is_one_of_the_values() -> None:
    """The 90th percentile of ten values is the ninth, of one value this one."""
    assert nearest_rank([5, 1, 9, 2, 3, 4, 6, 7, 8, 10], 0.9) == 9
    assert nearest_rank([7], 0.9) == 7


def test_median_over_seeds() -> None:
    """Schedules to the first bug; replays are a share, switches the most that were left."""
    result = _score(_hunt(3), _hunt(9), _hunt(4))
    assert (result.median, result.p90, result.found, result.hunts) == (4, 9, 3, 3)
    assert result.replayed == 0.5 and result.shrunk == 4


def test_hunt_that_gave_up_counts_as_never() -> None:
    """Two of three searches that end without a find make the median infinite."""
    result = _score(_hunt(3), _hunt(500, found=False), _hunt(500, found=False))
    assert math.isinf(result.median) and result.found == 1


def test_hunt_cut_short_counts_only_alone() -> None:
    """The search that met the end of the budget had less time than the others, and says nothing."""
    cut = _hunt(20, found=False, ended=False)
    assert _score(_hunt(3), cut).median == 3
    assert cell(_score(cut)) == "none in 20"


def test_no_hunt_at_all_is_no_find() -> None:
    """A contender whose process died finds nothing, and nothing divides by zero."""
    assert cell(_score()) == "none"


def test_comparison_names_what_only_the_other_found() -> None:
    """A kernel that the other alone found is missed; ties count as at least as good."""
    mine, theirs = _score(_hunt(500, found=False)), _score(_hunt(2), contender="peer")
    assert compare([mine], [theirs]).missed == ("reorder_3",)
    assert compare([theirs], [theirs]).schedules == 1


def test_comparison_says_how_many_times_as_many() -> None:
    """Per kernel; one that the other finds at its first try says nothing, nor one that it does not find."""
    mine = _score(_hunt(2))
    assert compare([mine], [_score(_hunt(500), contender="plain")]).times == (250.0,)
    assert compare([mine], [_score(_hunt(1), contender="plain")]).times == ()
    assert compare([mine], [_score(_hunt(9, found=False), contender="plain")]).times == ()


def test_table_has_the_published_figures() -> None:
    """A row ends with what the literature says of the kernel."""
    text = table([_score(_hunt(3))])
    assert "| reorder_3 | 3 / 3 | 1.00 | 3 (4) | 7 | 0.25 | 163 / 124 / 5 |" in text
    assert words([_score(_hunt(3))]).startswith("- **soak.race** found 1 of 1")
