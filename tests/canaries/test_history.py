"""Each canary of the histories has its planted defect; the correct engine has none of them."""

from __future__ import annotations

import threading
import time

import pytest

from soak.author import Refused
from soak.canaries.history import CachedGuard, ImpatientStop
from soak.targets import policies
from soak.targets.mujoco_sim import MujocoSim

DEADLINE_S = 60.0


def looks_at_an_old_copy(kind: type[MujocoSim]) -> bool:
    """Is a mutation accepted during a policy because one was accepted before it?"""
    sim, policy = kind(), policies.never_returns()
    assert sim.set_gravity([0, 0, -1]) is None
    if isinstance(sim, CachedGuard):
        sim._copied_at = time.monotonic() + DEADLINE_S  # the copy is fresh for as long as this test takes
    sim.start_policy("left", policy)
    changed, own = sim.set_gravity([0, 0, -2]), sim.set_joint_positions("left", [0, 0])
    policy.release()
    sim.close()
    assert isinstance(own, Refused)
    return changed is None


def denies_what_runs(kind: type[MujocoSim]) -> bool:
    """Does a stop that meets another one say that nothing runs, while the worker is there?"""
    sim, policy = kind(), policies.never_returns()
    sim.start_policy("left", policy)
    assert policy.entered.wait(DEADLINE_S)
    run = sim._table["left"]
    first = threading.Thread(target=sim.stop_policy, args=("left", DEADLINE_S))
    first.start()
    assert run.stop.wait(DEADLINE_S)  # the first stop is waiting for the worker
    answer = sim.stop_policy("left", 0.0)
    policy.release()
    first.join()
    sim.close()
    return answer.was_not_running


@pytest.mark.parametrize(
    ("kind", "old", "denies"),
    [
        (MujocoSim, False, False),
        (CachedGuard, True, False),
        (ImpatientStop, False, True),
    ],
)
def test_a_defect_is_planted_where_it_says(kind: type[MujocoSim], old: bool, denies: bool) -> None:
    """One defect in each canary, none in the engine."""
    assert looks_at_an_old_copy(kind) == old
    assert denies_what_runs(kind) == denies
