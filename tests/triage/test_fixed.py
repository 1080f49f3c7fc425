"""What clean tries show, and on which seeds: pure, but for a store on disk."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from soak.events import Sighted
from soak.findings.finding import FindingContext
from soak.findings.store import Store
from soak.triage.fixed import answer_of, needed, pool, shares
from soak.triage.rates import Rate
from soak.triage.reproduce import Reproduced
from tests.detect.samples import sample

RATE = Rate(hits=7, tries=20, source="given")
CONTEXT = FindingContext(
    run="r",
    scenario_file="/data/story.py",
    scenario="story",
    target="",
    seed=1,
    perturb="light",
    guard_malloc=False,
    hang_after=10.0,
    python="",
)


def tried(hits: int, tries: int, cut: int = 0) -> Reproduced:
    return Reproduced(finding="f", hits=hits, tries=tries, first_after=None, different={}, cut=cut)


def test_clean_tries_of_all_places_count_together() -> None:
    """Nine are needed against 7/20: five and four are enough, five and three are not."""
    assert needed(RATE) == 9
    assert answer_of(RATE, 0.95, [tried(0, 5), tried(0, 4)]).fixed is True
    short = answer_of(RATE, 0.95, [tried(0, 5), tried(0, 4, cut=1)])
    assert short.fixed is None
    assert short.in_words().startswith("not shown: 1 of 9 clean tries are missing for 95 %")


def test_one_hit_is_no() -> None:
    """However many clean tries there were."""
    answer = answer_of(RATE, 0.95, [tried(0, 50), tried(1, 1)])
    assert answer.fixed is False
    assert answer.in_words().startswith("no: brought back 1/51; before: the rate given (7/20, 35 %)")


@pytest.mark.parametrize(
    ("tries", "places", "expected"), [(9, 4, (3, 2, 2, 2)), (2, 3, (1, 1, 0)), (5, 1, (5,))]
)
def test_tries_are_shared_evenly(tries: int, places: int, expected: tuple[int, ...]) -> None:
    """All of them, and the latest places get one more."""
    assert shares(tries, places) == expected
    assert sum(expected) == tries


def test_the_pool_is_every_place_once_the_latest_first(tmp_path: Path) -> None:
    """Seed and iteration are a place's own; how it is run is as the latest was; another scenario is none."""
    store = Store(tmp_path)
    (tmp_path / "runs" / "r").mkdir(parents=True)
    seen = [
        (1, 3, "light", "story"),
        (1, 3, "light", "story"),
        (2, 0, "light", "other"),
        (2, 8, "heavy", "story"),
    ]
    for seed, iteration, perturb, scenario in seen:
        context = dataclasses.replace(CONTEXT, seed=seed, perturb=perturb, scenario=scenario)
        sighted = sample(Sighted, iteration=iteration, first_iteration=iteration)
        kept = store.file(sighted, tmp_path / "runs" / "r", context)
    places = pool(store, store.find(kept.finding))
    assert [(known.seed, known.iteration, known.perturb) for known in places] == [
        (2, 8, "heavy"),
        (1, 3, "heavy"),
    ]
