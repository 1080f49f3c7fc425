"""Engines that are closed after a test, and oracles that are taken away again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from soak.targets import mujoco_oracles
from soak.targets.mujoco_sim import MujocoSim
from soak.targets.policies import NeverReturns


@pytest.fixture
def sim() -> Iterator[MujocoSim]:
    """A simulation whose policies do not pause."""
    engine = MujocoSim(period=0.0)
    yield engine
    engine.close()


@pytest.fixture
def stuck() -> Iterator[NeverReturns]:
    """A policy that never returns before the test is over."""
    policy = NeverReturns()
    yield policy
    policy.release()


@pytest.fixture
def oracles() -> Iterator[None]:
    """MuJoCo watched by the oracles; a broken promise raises, as everywhere outside a worker."""
    mujoco_oracles.install()
    yield
    mujoco_oracles.uninstall()
