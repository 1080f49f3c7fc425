"""Policies for tests and scenarios: quick, smooth, slow, failing, and one that does not come back."""

from __future__ import annotations

import math
import threading
import time

from soak.targets.mujoco_runs import Action, Observation, Policy


class PolicyFailed(RuntimeError):
    """What a policy of :func:`raising` raises, on purpose."""


def mock(joints: int = 2) -> Policy:
    """The cheapest policy there is: hold every joint at zero."""
    action = {"qpos": [0.0] * joints}
    return lambda observation: action


def sinusoid(joints: int = 2, *, amplitude: float = 0.5, hertz: float = 1.0) -> Policy:
    """Swing every joint, ``amplitude`` radians to each side, in simulated time."""

    def swing(observation: Observation) -> Action:
        angle = amplitude * math.sin(2 * math.pi * hertz * observation["time"])
        return {"qpos": [angle] * joints}

    return swing


def slow(joints: int = 2, *, seconds: float = 0.02) -> Policy:
    """Take ``seconds`` of wall time for each decision, as a large network would."""
    decide = mock(joints)

    def think(observation: Observation) -> Action:
        time.sleep(seconds)
        return decide(observation)

    return think


def raising(joints: int = 2, *, after: int = 3) -> Policy:
    """Raise :class:`PolicyFailed` instead of the decision that follows ``after`` good ones."""
    decide = mock(joints)
    decisions = 0

    def fail(observation: Observation) -> Action:
        nonlocal decisions
        decisions += 1
        if decisions > after:
            raise PolicyFailed(f"this policy fails after {after} decisions, as it was asked to")
        return decide(observation)

    return fail


class NeverReturns:
    """A policy that blocks inside its first decision until somebody calls :meth:`release`.

    ``entered`` is set once it blocks, so that a test can wait for that.
    """

    def __init__(self, joints: int = 2) -> None:
        self.entered = threading.Event()
        self._released = threading.Event()
        self._decide = mock(joints)

    def __call__(self, observation: Observation) -> Action:
        self.entered.set()
        self._released.wait()
        return self._decide(observation)

    def release(self) -> None:
        """Let it go: this decision returns, and every later one at once."""
        self._released.set()


def never_returns(joints: int = 2) -> NeverReturns:
    """A policy that never returns, unless its ``release()`` is called."""
    return NeverReturns(joints)
