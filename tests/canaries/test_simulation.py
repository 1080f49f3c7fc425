"""Each canary has its planted defect and nothing else; the correct engine has none of them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from soak.author import Refused
from soak.canaries import simulation
from soak.targets import mujoco_oracles, policies
from soak.targets.mujoco_runs import PolicyResult, PolicyRun
from soak.targets.mujoco_sim import MujocoSim
from soak.targets.policies import NeverReturns

Kind = type[MujocoSim]

OWN_DESCRIPTORS = Path("/proc/self/fd")

CANARIES = {
    name: kind
    for name, kind in vars(simulation).items()
    if inspect.isclass(kind) and issubclass(kind, MujocoSim) and kind is not MujocoSim and name[0] != "_"
}


def lets_mutations_pass(kind: Kind) -> bool:
    """Is gravity set while a policy runs?"""
    sim, policy = kind(), NeverReturns()
    sim.start_policy("left", policy)
    outcome = sim.set_gravity([0, 0, -1])
    policy.release()
    sim.close()
    return outcome is None


def acts_without_the_lock(kind: Kind) -> bool:
    """Can another thread have the lock while a mutation acts?"""
    sim = kind()
    free = []

    def act() -> None:
        with ThreadPoolExecutor(1) as other:
            free.append(other.submit(sim._lock.acquire, False).result())

    sim._mutate("probe", None, act)
    return free == [True]


def submits_without_the_lock(kind: Kind) -> bool:
    """Is a worker submitted by a thread that does not hold the lock?"""
    owned = []

    class Probe(kind):  # type: ignore[misc, valid-type]
        def _submit(self, run: PolicyRun) -> Future[PolicyResult]:
            owned.append(self._lock._is_owned())
            future: Future[PolicyResult] = super()._submit(run)
            return future

    sim = Probe()
    sim.start_policy("left", policies.mock(), steps=1)
    sim.close()
    return owned == [False]


def overlooks_blocking_policies(kind: Kind) -> bool:
    """Does a mutation pass from within a blocking policy?"""
    sim = kind()
    outcomes = []

    def policy(observation: dict[str, Any]) -> dict[str, list[float]]:
        outcomes.append(sim.set_gravity([0, 0, -1]))
        return {"qpos": [0.0, 0.0]}

    sim.run_policy("left", policy, steps=1)
    sim.close()
    return outcomes == [None]


def loses_an_early_stop(kind: Kind) -> bool:
    """Does a worker step on that was asked to stop before it began?"""

    class Late(kind):  # type: ignore[misc, valid-type]
        def _begin(self, run: PolicyRun) -> None:
            run.stop.set()
            super()._begin(run)

    sim = Late()
    result = sim.run_policy("left", policies.mock(), steps=3)
    sim.close()
    return isinstance(result, PolicyResult) and result.steps == 3


def answers_before_the_worker_is_gone(kind: Kind) -> bool:
    """Does a stop say "stopped" of a worker that is blocked in its policy?"""
    sim, policy = kind(), NeverReturns()
    sim.start_policy("left", policy)
    policy.entered.wait(10)
    reply = sim.stop_policy("left", timeout=0.0)
    lied = reply.stopped and bool(sim.live_workers())
    policy.release()
    sim.close()
    return lied


def accepts_a_second_start(kind: Kind) -> bool:
    """Is a second policy started on a robot whose first one runs?"""
    sim, policy = kind(), NeverReturns()
    sim.start_policy("left", policy, steps=1)
    second = sim.start_policy("left", policies.mock(), steps=1)
    policy.release()
    sim.close()
    return isinstance(second, PolicyRun)


def closes_over_a_worker(kind: Kind) -> bool:
    """Does a close call itself clean while a worker is in its policy?"""
    sim, policy = kind(), NeverReturns()
    run = sim.start_policy("left", policy)
    assert isinstance(run, PolicyRun)
    policy.entered.wait(10)
    lied = sim.close(timeout=0.0).clean
    policy.release()
    run.wait(10)
    return lied


def swaps_in_two_steps(kind: Kind) -> bool:
    """Does MuJoCo get the new model with the old data?"""
    mujoco_oracles.install()
    sim = kind()
    try:
        sim.add_object("crate", [1, 0, 1], bodies=3)
    except AssertionError as error:
        return mujoco_oracles.OWN_MODEL in str(error)
    finally:
        mujoco_oracles.uninstall()
        sim.close()
    return False


def waits_for_workers_with_the_lock(kind: Kind) -> bool:
    """Does a removal that stops a policy wait for its end with the lock held?"""
    owned = []

    class Probe(kind):  # type: ignore[misc, valid-type]
        def _ask_to_stop(self, run: PolicyRun) -> None:
            owned.append(self._lock._is_owned())
            super()._ask_to_stop(run)

    sim = Probe()
    run = sim.start_policy("left", policies.mock(), steps=1)
    assert isinstance(run, PolicyRun)
    run.wait(10)  # what is done can be waited for in any way
    sim.remove_robot("left", stop=True)
    held = owned[:1] == [True]
    sim.close()
    return held


def remembers_a_failed_policy(kind: Kind) -> bool:
    """Is a mutation refused for the sake of a policy that raised?"""
    sim = kind()
    sim.run_policy("left", policies.raising(after=0))
    outcome = sim.set_gravity([0, 0, -1])
    sim.close()
    return isinstance(outcome, Refused)


def leaves_threads(kind: Kind) -> bool:
    """Does one of ten closes leave a thread?"""
    before = threading.active_count()
    for _ in range(10):
        kind().close()
    return threading.active_count() == before + 1


def leaves_descriptors(kind: Kind) -> bool:
    """Does one of ten closes leave a descriptor?"""
    before = len(list(OWN_DESCRIPTORS.iterdir()))
    for _ in range(10):
        kind().close()
    return len(list(OWN_DESCRIPTORS.iterdir())) == before + 1


def leaves_memory(kind: Kind) -> bool:
    """Does one of ten closes keep a hundred kilobytes?"""
    kept: list[bytearray] = getattr(kind, "_kept", [])
    before = len(kept)
    for _ in range(10):
        kind().close()
    return sum(len(block) for block in kept[before:]) == 100_000


class FakeRenderer:
    """Stands for a native renderer, and knows who closed it."""

    def __init__(self) -> None:
        self.closed_by: list[int] = []

    def close(self) -> None:
        self.closed_by.append(threading.get_ident())


def closes_renderers_elsewhere(kind: Kind) -> bool:
    """Is a renderer closed by another thread than the one that says so?"""
    sim, renderer = kind(), FakeRenderer()
    sim.close_native_renderer(renderer)
    sim.close()
    return bool(renderer.closed_by) and renderer.closed_by != [threading.get_ident()]


def keeps_renderers(kind: Kind) -> bool:
    """Is a renderer not closed at all?"""
    sim, renderer = kind(), FakeRenderer()
    sim.close_native_renderer(renderer)
    sim.close()
    return renderer.closed_by == []


DEFECTS: dict[str, Callable[[Kind], bool]] = {
    "NoGuard": lets_mutations_pass,
    "GuardThenAct": acts_without_the_lock,
    "RegisteredLate": submits_without_the_lock,
    "BlindToBlocking": overlooks_blocking_policies,
    "LostStop": loses_an_early_stop,
    "EarlyAnswer": answers_before_the_worker_is_gone,
    "DoubleStart": accepts_a_second_start,
    "CloseWithoutJoin": closes_over_a_worker,
    "SwapInTwoSteps": swaps_in_two_steps,
    "RemovalDeadlock": waits_for_workers_with_the_lock,
    "StaleAfterRaise": remembers_a_failed_policy,
    "LeakedThread": leaves_threads,
    "LeakedDescriptor": leaves_descriptors,
    "LeakedMemory": leaves_memory,
    "RendererClosedElsewhere": closes_renderers_elsewhere,
    "RenderersNeverClosed": keeps_renderers,
}


def test_every_canary_is_tried_here() -> None:
    """A canary without a test of its defect would sing for nobody."""
    assert CANARIES.keys() == DEFECTS.keys()


@pytest.mark.parametrize("name", DEFECTS)
def test_the_defect_is_planted(name: str) -> None:
    """The canary has its defect."""
    assert DEFECTS[name](CANARIES[name])


@pytest.mark.parametrize("name", DEFECTS)
def test_the_correct_engine_has_no_such_defect(name: str) -> None:
    """The engine that the canary is made of does not have it."""
    assert not DEFECTS[name](MujocoSim)


@pytest.mark.parametrize("name", CANARIES)
def test_a_canary_says_its_defect_in_a_line(name: str) -> None:
    """The first line of a canary's docstring is one sentence."""
    assert (CANARIES[name].__doc__ or "").splitlines()[0].endswith(".")


def test_a_canary_works_but_for_its_defect() -> None:
    """Every canary can be made, stepped, started, changed while idle, and closed."""
    for kind in CANARIES.values():
        sim = kind()
        assert sim.step(3) is None
        run = sim.start_policy("left", policies.mock(), steps=3)
        assert isinstance(run, PolicyRun)
        assert run.wait(10) and run.steps == 3
        assert sim.set_timestep(0.001) is None
        sim.close()
