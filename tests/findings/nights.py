"""Nights in few words: how often what came up, in how many iterations."""

from __future__ import annotations

from collections.abc import Mapping

from soak.events import Kind
from soak.findings.trials import Place, Seen, Tally, Trials

STORM = Place(scenario="storm")
SECONDS = 5.0


def night(
    number: int,
    hits: Mapping[str, int] | Mapping[str, Mapping[Place, int]],
    *,
    tries: Mapping[Place, int] | int = 360,
    timed: bool = False,
) -> Trials:
    """The night of day ``number``: iterations take five seconds; hits without a place are the storm's."""
    efforts = {STORM: tries} if isinstance(tries, int) else tries
    return Trials(
        run=f"202611{number:02d}-020000",
        t=number * 86400.0,
        seconds=SECONDS * sum(efforts.values()),
        efforts={place: Tally(tries=count, seconds=count * SECONDS) for place, count in efforts.items()},
        seen={
            name: Seen(
                finding=name,
                kind=Kind(name.split("-")[0]),
                title=f"{name} happened",
                hits={STORM: places} if isinstance(places, int) else dict(places),
                timed=timed,
            )
            for name, places in hits.items()
        },
    )
