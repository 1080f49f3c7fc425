"""soak: a chaos and soak harness for code that drives a native simulator from Python threads.

Standard library only, like all that a worker process imports.
"""

from typing import TYPE_CHECKING

from soak.author import (
    Guarantee,
    Missing,
    Ready,
    Refused,
    Scenario,
    ScenarioBuilder,
    Sometimes,
    always,
    beat,
    doing,
    guarantee,
    processes,
    scenario,
    stopping,
    took,
)
from soak.history import UNKNOWN, History, Model
from soak.narrow import narrowed

if TYPE_CHECKING:
    from soak.schedule import native, race, replay

__version__ = "0.1.0"

__all__ = [
    "UNKNOWN",
    "Guarantee",
    "History",
    "Missing",
    "Model",
    "Ready",
    "Refused",
    "Scenario",
    "ScenarioBuilder",
    "Sometimes",
    "always",
    "beat",
    "doing",
    "guarantee",
    "narrowed",
    "native",
    "processes",
    "race",
    "replay",
    "scenario",
    "stopping",
    "took",
]


def __getattr__(name: str) -> object:
    """`soak.race` and its like come when they are asked for: a worker that never explores does not
    import them.
    """
    if name in ("native", "race", "replay"):
        from soak import schedule

        return getattr(schedule, name)
    raise AttributeError(f"module 'soak' has no attribute {name!r}")
