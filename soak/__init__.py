"""soak: a chaos and soak harness for code that drives a native simulator from Python threads.

Standard library only, like all that a worker process imports.
"""

from soak.author import (
    Missing,
    Ready,
    Refused,
    Scenario,
    ScenarioBuilder,
    Sometimes,
    always,
    beat,
    doing,
    processes,
    scenario,
    stopping,
    took,
)
from soak.history import UNKNOWN, History, Model
from soak.narrow import narrowed

__version__ = "0.1.0"

__all__ = [
    "UNKNOWN",
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
    "narrowed",
    "processes",
    "scenario",
    "stopping",
    "took",
]
