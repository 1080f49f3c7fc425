"""What a run's keeper puts beside a sighting."""

from __future__ import annotations

import json
from pathlib import Path

from soak.events import Sighted
from soak.findings.keeper import StoreKeeper
from soak.findings.store import Store
from soak.supervisor.plan import Entry, Plan
from tests.detect.samples import sample


def _keeper(out: Path) -> StoreKeeper:
    entry = Entry(
        name="storm",
        file=Path(__file__),
        summary="",
        seconds=1.0,
        fresh=False,
        real_exit=False,
        sometimes=(),
        target="",
        hang_after=None,
    )
    plan = Plan(entries=(entry,), seed=7, jobs=1, out=out)
    folder = out / "runs" / "20261120-030000"
    folder.mkdir(parents=True)
    return StoreKeeper(Store(out), plan, folder, {"python": "3.12.1"})


def test_facts_that_came_later_are_filed_from_then_on(tmp_path: Path) -> None:
    """The first sighting was too soon for them; the second has all."""
    keeper = _keeper(tmp_path)
    early = keeper.keep(sample(Sighted, sighting=1, scenario="storm"))
    keeper.know({"blas": "openblas"})
    late = keeper.keep(sample(Sighted, sighting=2, scenario="storm"))
    environments = [json.loads((tmp_path / kept.path / "env.json").read_text()) for kept in (early, late)]
    assert environments == [{"python": "3.12.1"}, {"python": "3.12.1", "blas": "openblas"}]
