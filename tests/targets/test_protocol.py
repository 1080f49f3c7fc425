"""Somebody else's engine under the built-in scenarios: the truth comes from the policy, not from its word."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soak.author import Refused
from soak.events import PromiseBroken
from soak.targets import policies, promises
from soak.targets.adapted import AdaptedSim
from soak.targets.adapted_run import ONE_CALLER
from soak.targets.mujoco_runs import Ending, PolicyRun
from soak.targets.mujoco_sim import MujocoSim
from soak.targets.policies import NeverReturns
from soak.targets.promises import Dealings
from soak.targets.protocol import PolicySimulation, simulation
from soak.worker.fit import verbs_of
from tests.scenarios.soaked import expect_clean, problems, spec_of
from tests.targets.lab import Glue, HastyGlue, Lab, Seen, UnguardedGlue
from tests.worker.harness import Worker

LAB = "tests.targets.lab"


@pytest.fixture
def dealings(oracles: None) -> Iterator[Dealings]:
    """A correct engine behind its glue."""
    sim = simulation(Seen)
    yield Dealings(sim)
    sim.close()


def started(dealings: Dealings, policy: Any, seconds: float = 60.0) -> PolicyRun:
    run = dealings.start("left", policy, seconds=seconds)
    assert isinstance(run, PolicyRun)
    return run


def test_what_is_overridden_is_found() -> None:
    """Methods that the glue defines are verbs; all others come with what to do."""
    verbs = verbs_of(Glue)
    assert verbs is not None
    found = {name for name, remedy in verbs.items() if not remedy}
    assert found == {"start", "stop", "running", "mutations", "close"}
    assert "define run" in verbs["run"]
    seen = verbs_of(Seen)
    assert seen is not None
    assert (seen["version"], seen["effects"]) == ("", "")


def test_adding_is_nothing_without_removing() -> None:
    """Scenarios need both; and robots that are computed may be two."""

    class Half(PolicySimulation):
        @property
        def robots(self) -> tuple[str, ...]:  # type: ignore[override]
            return ()

        def add(self, robot: str) -> None: ...

    verbs = Half.soak_verbs()
    assert verbs["add"]
    assert not verbs["second_robot"]


def test_the_built_in_simulation_has_every_verb_and_stays_itself() -> None:
    """It passes through as it is."""
    sim = simulation(MujocoSim)
    assert type(sim) is MujocoSim
    assert not any(MujocoSim.soak_verbs().values())
    sim.close()


def test_a_live_policy_is_known_from_within(dealings: Dealings, stuck: NeverReturns) -> None:
    """A run lives while its policy is inside a decision; a mutation is refused then, and has no effect."""
    run = started(dealings, stuck)
    stuck.entered.wait()
    sim = dealings.sim
    assert sim.live_workers() == {"left": (run.number,)}
    assert sim.running() == ("left",)
    assert not run.done()
    seen = dealings.mutate(sim.mutations[0], random.Random(1), "left")
    assert seen.concerned
    assert isinstance(seen.outcome, Refused)
    second = dealings.start("left", policies.mock(), seconds=1.0)
    assert isinstance(second, Refused)
    assert second.robot == "left"
    stuck.release()
    assert dealings.stop("left", run).stopped
    assert run.done()
    assert run.future.result().ending is Ending.STOPPED
    assert dealings.mutate(sim.mutations[0], random.Random(1), "left").outcome is None
    assert dealings.stop_all()


def test_an_end_is_told_with_its_reason(dealings: Dealings) -> None:
    """Ran out, and raised by the policy itself."""
    run = started(dealings, policies.mock(), seconds=0.01)
    assert run.wait(60.0)
    assert run.future.result().ending is Ending.RAN_OUT
    failing = started(dealings, policies.raising(after=1))
    assert failing.wait(60.0)
    assert isinstance(failing.future.exception(), policies.PolicyFailed)


def test_what_is_missing_is_refused(dealings: Dealings) -> None:
    """Verbs and robots that the engine does not have: asked all the same, it says no."""
    sim: Any = dealings.sim
    for reply in (
        sim.run_policy("left", policies.mock(), seconds=1.0),
        sim.start_policy("right", policies.mock(), seconds=1.0),
        sim.add_robot("guest", [0, 0, 0]),
        sim.remove_robot("left"),
        sim.load_scene("two_arms"),
        sim.observe("left"),
        sim.step(),
    ):
        assert isinstance(reply, Refused)
    assert sim.stop_policy("right").was_not_running
    assert sim.robots() == ("left",)


def test_a_closed_engine_says_so(dealings: Dealings) -> None:
    """Its version is that of a closed scene, it has no robots, and refusals name the reason."""
    started(dealings, policies.mock())
    assert dealings.close(60.0, ("left",)).clean
    sim: Any = dealings.sim
    assert sim.scene_version().parts == promises.CLOSED
    assert sim.robots() == ()
    refusal = sim.start_policy("left", policies.mock(), seconds=1.0)
    assert isinstance(refusal, Refused)
    assert "closed" in refusal.because
    assert dealings.no_step_after_close()


def test_an_unexpected_exception_is_no_refusal() -> None:
    """Only what the glue names as refusals is one."""

    class Odd(Glue):
        refusals = ()

    sim = AdaptedSim(Odd())
    sim.close()
    with pytest.raises(Exception, match="the lab is closed"):
        sim.start_policy("left", policies.mock(), seconds=1.0)


def test_a_missing_guard_is_told(stuck: NeverReturns) -> None:
    """A mutation that is accepted while the policy is inside a decision breaks the promise."""
    dealings = Dealings(simulation(UnguardedGlue))
    started(dealings, stuck)
    stuck.entered.wait()
    with pytest.raises(AssertionError, match=promises.REFUSED):
        dealings.mutate(dealings.sim.mutations[0], random.Random(1), "left")
    stuck.release()
    dealings.sim.close()


def test_a_stop_that_does_not_wait_is_told(stuck: NeverReturns) -> None:
    """An engine that says "gone" while the policy is inside a decision breaks the promise."""
    dealings = Dealings(simulation(HastyGlue))
    run = started(dealings, stuck)
    stuck.entered.wait()
    with pytest.raises(AssertionError, match=promises.STOP_IS_TRUE):
        dealings.stop("left", run)
    stuck.release()
    dealings.sim.close()


def test_two_workers_in_one_policy_are_told(stuck: NeverReturns) -> None:
    """An engine that calls a policy from two threads has two workers."""
    calls: list[Callable[[Any], Any]] = []

    class Doubled(Glue):
        def start(self, robot: str, policy: Callable[[Any], Any], seconds: float) -> None:
            calls.append(policy)

    dealings = Dealings(simulation(Doubled))
    started(dealings, stuck)
    worker = threading.Thread(target=calls[0], args=(None,))
    worker.start()
    stuck.entered.wait()
    with pytest.raises(AssertionError, match=ONE_CALLER):
        calls[0](None)
    stuck.release()
    worker.join()
    dealings.sim.close()


@pytest.mark.parametrize("name", ["start_stop", "mutation_storm", "mutate_after_done", "close_while_running"])
def test_scenarios_run_on_a_correct_engine(name: str, tmp_path: Path) -> None:
    """Ten lines of glue: nothing is found, and every `sometimes` that is left comes to be seen."""
    expect_clean(spec_of(name, tmp_path, target=f"{LAB}:Seen"))


@pytest.mark.parametrize(
    ("glue", "said"),
    [
        ("UnguardedGlue", {promises.REFUSED}),
        ("HastyGlue", {promises.STOP_IS_TRUE}),
        ("TwiceGlue", {promises.SECOND_START, promises.ONE_WORKER, promises.REFUSED, promises.STOP_IS_TRUE}),
    ],
)
def test_scenarios_find_an_engine_that_lies(glue: str, said: set[str], tmp_path: Path) -> None:
    """A missing guard, a stop that does not wait, a second start: the policies' own word tells."""
    outcome = Worker(spec_of("start_stop", tmp_path, target=f"{LAB}:{glue}")).finish()
    assert said & {event.promise for event in outcome.of(PromiseBroken)}, problems(outcome)
    assert outcome.last_words().reason == "finding"


def test_the_lab_stands_alone() -> None:
    """The engine of these tests knows nothing of soak: it refuses by its own exception."""
    lab = Lab()
    lab.start(lambda observation: 0.0, 60.0)
    assert lab.is_running()
    lab.close()
    assert not lab.is_running()
