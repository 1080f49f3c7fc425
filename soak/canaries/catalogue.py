"""All canaries that come with soak, and the scenarios on which nothing may be found. Imports no target."""

from __future__ import annotations

from soak.canaries.canary import Canary, CanaryOutcome, CleanPair, Smelled, judge
from soak.canaries.environments_canaries import ENVIRONMENTS
from soak.canaries.history_canaries import HISTORY
from soak.canaries.hostile_canaries import HOSTILE, hostile_file
from soak.canaries.interpreters_canaries import INTERPRETERS
from soak.canaries.registry_canaries import REGISTRY
from soak.canaries.simulation_canaries import LIFECYCLE, SIMULATION
from soak.canaries.task_store_canaries import TASK_STORE

__all__ = ["CANARIES", "CLEAN", "Canary", "CanaryOutcome", "CleanPair", "Smelled", "judge"]

CANARIES: tuple[Canary, ...] = (
    SIMULATION + HISTORY + HOSTILE + REGISTRY + TASK_STORE + INTERPRETERS + ENVIRONMENTS
)

_BUILT_IN = ("mutation_storm", "start_stop", "mutate_after_done", "close_while_running", "guard_history")

CLEAN: tuple[CleanPair, ...] = (
    *(CleanPair(scenario=name) for name in _BUILT_IN),
    CleanPair(scenario="render_storm", needs_gl=True),
    CleanPair(scenario="hot_swap"),
    CleanPair(scenario="claim_race"),
    CleanPair(scenario="store_crash"),
    CleanPair(scenario="interpreter_teardown"),
    CleanPair(scenario="cancellation"),
    CleanPair(scenario="env_cycles"),
    CleanPair(scenario="env_render", needs_gl=True),
    CleanPair(scenario=hostile_file("quiet")),
    CleanPair(scenario=LIFECYCLE),
)
