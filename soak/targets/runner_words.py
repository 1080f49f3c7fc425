"""What is said about policy runners: what they are made of, their decisions, stops and failures.

Standard library only.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from soak.targets.mujoco_runs import Policy, StopState


class Stage(enum.Enum):
    """Where the making of a runner can fail."""

    PARSE = "parse"
    COMPILE = "compile"
    START = "start"


class RunnerFailed(RuntimeError):
    """A source did not become a live runner; ``stage`` says how far it came, ``__cause__`` why."""

    def __init__(self, key: str, stage: Stage, why: str) -> None:
        super().__init__(f"the runner of {key!r} failed to {stage.value}: {why}")
        self.key = key
        self.stage = stage


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSource:
    """What a runner is made of: a model's MJCF text, and what makes a policy for so many ``actuators``.

    Making may be slow, and is done in no lock; the policy is called in the runner's thread only.
    """

    model: str
    make_policy: Callable[[], Policy]
    actuators: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision: of which runner, its number in that runner's life, and the simulated time after it."""

    key: str
    generation: int
    number: int
    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerStop:
    """The honest answer to a runner's stop, after so many ``decisions``."""

    key: str
    generation: int
    state: StopState
    decisions: int

    @property
    def gone(self) -> bool:
        """Whether its thread does not run: it has ended, or there was none."""
        return self.state is not StopState.STILL_RUNNING
