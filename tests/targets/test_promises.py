"""The promises: kept by the correct engine, and stated where an engine breaks them."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from soak.author import Refused
from soak.canaries import simulation
from soak.targets import policies, promises
from soak.targets.mujoco_mutations import Mutation
from soak.targets.mujoco_runs import LastStep, Policy, PolicyRun
from soak.targets.mujoco_sim import MujocoSim
from soak.targets.policies import NeverReturns
from soak.targets.promises import Dealings


def started(dealings: Dealings, robot: str, policy: Policy, **length: int) -> PolicyRun:
    run = dealings.start(robot, policy, **length)
    assert isinstance(run, PolicyRun)
    return run


def mutation(sim: MujocoSim, name: str) -> Mutation:
    (found,) = (each for each in sim.mutations if each.name == name)
    return found


def test_a_mutation_during_a_policy_is_concerned_and_refused(sim: MujocoSim, stuck: NeverReturns) -> None:
    """A scene's verb is concerned by any policy, a robot's verb only by its own robot's."""
    dealings, rng = Dealings(sim), random.Random(1)
    started(dealings, "left", stuck)
    stuck.entered.wait()
    scene = dealings.mutate(mutation(sim, "set_gravity"), rng, "right")
    own = dealings.mutate(mutation(sim, "set_geom"), rng, "left")
    other = dealings.mutate(mutation(sim, "set_geom"), rng, "right")
    assert (scene.concerned, own.concerned, other.concerned) == (True, True, False)
    assert isinstance(scene.outcome, Refused)
    assert isinstance(own.outcome, Refused)
    assert other.outcome is None
    assert other.running
    stuck.release()


def test_an_accepted_mutation_under_a_policy_is_told(stuck: NeverReturns) -> None:
    """An engine without a guard breaks the promise that mutations are refused."""
    sim = simulation.NoGuard()
    dealings = Dealings(sim)
    started(dealings, "left", stuck)
    stuck.entered.wait()
    with pytest.raises(AssertionError, match=promises.REFUSED):
        dealings.mutate(mutation(sim, "set_gravity"), random.Random(1), "left")
    stuck.release()
    sim.close()


def test_a_mutation_without_effect_is_told(sim: MujocoSim) -> None:
    """A verb that says yes and does nothing breaks a promise too."""
    idle = Mutation(name="idle", scope="scene", sim=sim, draw=lambda sim, rng, robot: None)
    with pytest.raises(AssertionError, match=promises.TAKES_EFFECT):
        Dealings(sim).mutate(idle, random.Random(1), "left")


def test_a_second_start_that_is_accepted_is_told(stuck: NeverReturns) -> None:
    """An engine that accepts a double start breaks the promise, whatever its workers do."""
    sim = simulation.DoubleStart()
    dealings = Dealings(sim)
    started(dealings, "left", stuck, steps=1)  # the table forgets it, hence nobody would stop it
    stuck.entered.wait()
    with pytest.raises(AssertionError, match=promises.SECOND_START):
        dealings.start("left", policies.mock(), steps=1)
    stuck.release()
    sim.close()


def test_a_stop_that_lies_is_told(stuck: NeverReturns) -> None:
    """An engine that says "stopped" while the worker lives breaks the promise."""
    sim = simulation.EarlyAnswer()
    dealings = Dealings(sim)
    run = started(dealings, "left", stuck)
    stuck.entered.wait()
    with pytest.raises(AssertionError, match=promises.STOP_IS_TRUE):
        dealings.stop("left", run)
    stuck.release()
    run.wait(60.0)
    sim.close()


def test_a_stop_that_gives_up_is_honest(sim: MujocoSim, stuck: NeverReturns) -> None:
    """A worker that does not end is no broken promise of stop's, and takes no step when it is let go."""
    dealings = Dealings(sim)
    run = started(dealings, "left", stuck)
    stuck.entered.wait()
    assert dealings.stop("left", run, timeout=0.0).still_running
    stuck.release()
    assert run.wait(60.0)
    assert dealings.no_step_after_stop()


def test_a_step_after_a_stop_is_told(sim: MujocoSim) -> None:
    """A stopped run whose steps grow breaks the promise."""
    dealings = Dealings(sim)
    run = started(dealings, "left", policies.mock(), seconds=60)
    dealings.stop("left", run)
    assert dealings.no_step_after_stop()
    run.steps += 1
    with pytest.raises(AssertionError, match=promises.NO_STEP_AFTER_STOP):
        dealings.no_step_after_stop()


def test_a_step_of_a_closed_world_is_told(sim: MujocoSim) -> None:
    """Whatever steps after a clean close breaks the promise."""
    dealings = Dealings(sim)
    run = started(dealings, "left", policies.mock(), steps=3)
    run.wait(60.0)
    assert dealings.close(60.0, ("left", "right")).clean
    assert dealings.no_step_after_close()
    sim._live._last["left"] = LastStep(number=run.number, steps=4)
    with pytest.raises(AssertionError, match=promises.DEAD_WORLD):
        dealings.no_step_after_close()


def test_a_close_under_a_running_policy_changes_nothing_for_it(sim: MujocoSim, stuck: NeverReturns) -> None:
    """A policy that is in its decision when its engine is closed sees no broken promise afterwards."""
    dealings = Dealings(sim)
    run = started(dealings, "left", stuck)
    stuck.entered.wait()
    assert not dealings.close(0.0, ()).clean
    stuck.release()
    assert run.wait(60.0)
    assert run.future.exception() is None
    assert dealings.close(60.0, ()).clean


def test_a_blocking_run_is_over_when_it_returns(sim: MujocoSim) -> None:
    """The result of a run in the caller's thread comes with its ending, and as an edge that was met."""
    dealings = Dealings(sim)
    over = dealings.edges.over()
    result = dealings.run("left", policies.raising(after=1), steps=5)
    assert not isinstance(result, Refused)
    assert result.error.startswith("PolicyFailed")
    assert {"blocking run", "raised"} <= dealings.edges.met(over)


def test_stop_all_agrees_with_the_table(sim: MujocoSim) -> None:
    """Whatever runs is stopped, and then neither table nor truth knows of any."""
    dealings = Dealings(sim)
    started(dealings, "left", policies.mock(), seconds=60)
    with ThreadPoolExecutor(1) as other:
        blocking = other.submit(dealings.run, "right", policies.mock(), seconds=60)
        while not sim.live_workers().get("right"):
            pass
        assert dealings.stop_all()
        assert not isinstance(blocking.result(), Refused)
    dealings.look()
    assert sim.running() == ()
