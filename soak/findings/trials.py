"""A run as it is compared with other runs: where how much was tried, and what came up there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from soak.events import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is compared with nothing but itself: a scenario on a target. Without a scenario, the whole run."""

    scenario: str
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """``hits`` iterations of ``tries`` in which something came up, in ``seconds`` of running time."""

    hits: int = 0
    tries: int = 0
    seconds: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            hits=self.hits + other.hits,
            tries=self.tries + other.tries,
            seconds=self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A finding in one night: in how many iterations, place by place.

    ``timed``: it has no rate per iteration, only one in time, as a memory that grows or a fault of the
    machine's has.
    """

    finding: str
    kind: Kind
    title: str
    hits: dict[Place, int]
    timed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """One run of those that are compared, from ``t`` on.

    ``efforts`` holds what was tried in each place, without hits; ``seconds`` is the whole run's length.
    """

    run: str
    t: float
    seconds: float
    efforts: dict[Place, Tally]
    seen: dict[str, Seen] = field(default_factory=dict)

    @property
    def tries(self) -> int:
        """Iterations of all places."""
        return sum(effort.tries for effort in self.efforts.values())

    def tally(self, finding: str, place: Place) -> Tally:
        """How often ``finding`` came up in ``place``; what happened in no scenario, in the whole run."""
        seen = self.seen.get(finding)
        hits = seen.hits.get(place, 0) if seen else 0
        whole = Tally(tries=self.tries, seconds=self.seconds)
        effort = self.efforts.get(place, Tally()) if place.scenario else whole
        if not (seen and seen.timed):
            hits = min(hits, effort.tries)
        return Tally(hits=hits, tries=effort.tries, seconds=effort.seconds)


def pooled(tallies: Iterable[Tally]) -> Tally:
    """Their sum."""
    return sum(tallies, Tally())


def added(*parts: Mapping[Place, Tally]) -> dict[Place, Tally]:
    """The sum of each place."""
    places = dict.fromkeys(place for part in parts for place in part)
    return {place: pooled(part[place] for part in parts if place in part) for place in places}
