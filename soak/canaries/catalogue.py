"""All canaries that come with soak, and the scenarios on which nothing may be found. Imports no target."""

from __future__ import annotations

from soak.canaries.canary import Canary, CanaryOutcome, CleanPair, Smelled, judge
from soak.canaries.hostile_canaries import HOSTILE, hostile_file
from soak.canaries.simulation_canaries import LIFECYCLE, SIMULATION

__all__ = ["CANARIES", "CLEAN", "Canary", "CanaryOutcome", "CleanPair", "Smelled", "judge"]

CANARIES: tuple[Canary, ...] = SIMULATION + HOSTILE

CLEAN: tuple[CleanPair, ...] = (
    CleanPair(scenario=hostile_file("quiet")),
    CleanPair(scenario=LIFECYCLE),
)
