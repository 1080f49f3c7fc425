"""Policies run, stop, fail and are refused; close and stop say the truth about workers."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mujoco
import pytest

from soak.author import Refused
from soak.targets import policies
from soak.targets.mujoco_engine import SceneClosed
from soak.targets.mujoco_runs import Action, Observation, PolicyResult, PolicyRun
from soak.targets.mujoco_sim import MujocoSim
from soak.targets.policies import NeverReturns, PolicyFailed


def start(sim: MujocoSim, robot: str, policy: Any, **length: Any) -> PolicyRun:
    """A run that was accepted."""
    run = sim.start_policy(robot, policy, **length)
    assert isinstance(run, PolicyRun)
    return run


def test_a_policy_takes_exactly_the_steps_it_was_given(sim: MujocoSim) -> None:
    """A run of twelve steps takes twelve, and the ground truth counts them."""
    run = start(sim, "left", policies.mock(), steps=12)
    assert run.wait(10)
    assert run.future.result().steps == run.steps == 12
    last = sim.last_step_of("left")
    assert last is not None
    assert (last.number, last.steps) == (run.number, 12)


def test_a_policy_moves_its_robot_and_time(sim: MujocoSim) -> None:
    """A policy's targets reach its own robot's joints, and only those."""
    sim.set_gravity([0, 0, 0])
    result = sim.run_policy("left", lambda observation: {"qpos": [0.5, -0.5]}, steps=300)
    assert isinstance(result, PolicyResult)
    left, right = sim.observe("left"), sim.observe("right")
    assert isinstance(left, dict) and isinstance(right, dict)
    assert left["time"] == pytest.approx(0.6)
    assert left["qpos"] == pytest.approx([0.5, -0.5], abs=0.1)
    assert right["qpos"] == pytest.approx([0.0, 0.0], abs=0.01)


def test_run_policy_of_zero_seconds_takes_no_step(sim: MujocoSim) -> None:
    """Seconds bound a run as well as steps do."""
    result = sim.run_policy("left", policies.mock(), seconds=0.0)
    assert isinstance(result, PolicyResult)
    assert (result.steps, result.ending.value) == (0, "ran out")


def test_a_blocking_policy_that_raises_ends_its_run_only(sim: MujocoSim) -> None:
    """run_policy answers with the policy's error, and the robot is free again."""
    result = sim.run_policy("left", policies.raising(after=2))
    assert isinstance(result, PolicyResult)
    assert (result.steps, result.ending.value) == (2, "raised")
    assert result.error.startswith("PolicyFailed")
    assert sim.running() == ()


def test_a_future_backed_policy_that_raises_keeps_its_error(sim: MujocoSim) -> None:
    """The future of a failed run holds the policy's own exception."""
    run = start(sim, "left", policies.raising(after=0))
    assert isinstance(run.future.exception(timeout=10), PolicyFailed)
    assert sim.running() == ()


def test_run_numbers_grow(sim: MujocoSim) -> None:
    """Every accepted run has a number of its own, higher than those before."""
    numbers = []
    for robot in ("left", "right", "left"):
        run = start(sim, robot, policies.mock(), steps=1)
        assert run.wait(10)
        numbers.append(run.number)
    assert numbers == sorted(set(numbers))


def test_an_unknown_robot_is_refused_by_name(sim: MujocoSim) -> None:
    """A start for a robot that is not there names those that are."""
    refusal = sim.start_policy("nobody", policies.mock())
    assert isinstance(refusal, Refused)
    assert "nobody" in refusal.because and "left, right" in refusal.remedy


@pytest.mark.parametrize("verb", ["start_policy", "run_policy"])
def test_a_second_start_is_refused(sim: MujocoSim, stuck: NeverReturns, verb: str) -> None:
    """A robot whose policy runs gets no second one, in whichever way it is asked for."""
    start(sim, "left", stuck)
    refusal = getattr(sim, verb)("left", policies.mock(), steps=1)
    assert isinstance(refusal, Refused)
    assert refusal.robot == "left"


def test_a_start_without_a_free_worker_is_refused(stuck: NeverReturns) -> None:
    """An engine with one policy worker runs one policy, and says so to the second."""
    sim = MujocoSim(workers=1)
    start(sim, "left", stuck)
    refusal = sim.start_policy("right", policies.mock())
    stuck.release()
    sim.close()
    assert isinstance(refusal, Refused)
    assert "1 policy workers are busy" in refusal.because


def test_stop_answers_stopped_once_the_worker_is_gone(sim: MujocoSim) -> None:
    """After "stopped" the run is done, nothing is live and no further step comes."""
    run = start(sim, "left", policies.mock())
    reply = sim.stop_policy("left")
    assert reply.stopped
    assert (reply.number, reply.steps) == (run.number, run.steps)
    assert run.done()
    assert sim.live_workers() == {}
    assert sim.running() == ()


def test_stop_right_after_start_is_not_lost(sim: MujocoSim) -> None:
    """A hundred starts, each stopped at once, leave no worker behind."""
    for _ in range(100):
        run = start(sim, "left", policies.mock())
        assert sim.stop_policy("left").stopped
        assert run.done()


def test_stop_of_what_is_not_running_says_so(sim: MujocoSim) -> None:
    """Neither an idle robot nor an unknown one is said to have been stopped."""
    assert sim.stop_policy("left").was_not_running
    assert sim.stop_policy("nobody").was_not_running


def test_stop_admits_that_a_worker_is_still_running(sim: MujocoSim, stuck: NeverReturns) -> None:
    """A policy that does not return is still running: for the stop, the table, the truth and the guard."""
    run = start(sim, "left", stuck)
    assert stuck.entered.wait(10)
    assert sim.stop_policy("left", timeout=0.0).still_running
    assert sim.running() == ("left",)
    assert sim.live_workers() == {"left": (run.number,)}
    assert isinstance(sim.reset(), Refused)
    stuck.release()
    assert run.wait(10)
    assert run.steps == 0
    assert sim.reset() is None


def test_a_policy_that_stops_itself_is_told_that_it_runs(sim: MujocoSim) -> None:
    """Nobody waits for himself: the reply is honest and the run ends after it."""
    replies = []

    def suicidal(observation: Observation) -> Action:
        replies.append(sim.stop_policy("left", timeout=60.0))
        return {"qpos": [0.0, 0.0]}

    run = start(sim, "left", suicidal)
    assert run.wait(10)
    assert [reply.still_running for reply in replies] == [True]
    assert run.steps == 0


def test_a_policy_may_call_the_engine(sim: MujocoSim) -> None:
    """The scene lock is not held while a policy decides: others, and it, may use the engine."""
    seen = []

    def curious(observation: Observation) -> Action:
        with ThreadPoolExecutor(1) as other:
            seen.append(other.submit(sim.observe, "right").result(timeout=10))
        return {"qpos": [0.0, 0.0]}

    assert isinstance(sim.run_policy("left", curious, steps=1), PolicyResult)
    assert isinstance(seen[0], dict)


def test_every_step_is_taken_under_the_scene_lock(sim: MujocoSim, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy's native steps are made by the holder of the scene lock."""
    owned = []
    native = mujoco.mj_step

    def step(*arguments: Any) -> None:
        owned.append(sim._lock._is_owned())  # type: ignore[attr-defined]
        native(*arguments)

    monkeypatch.setattr(mujoco, "mj_step", step)
    sim.run_policy("left", policies.mock(), steps=3)
    sim.step(2)
    assert owned == [True] * 4


def test_an_act_is_over_before_a_policy_can_start(sim: MujocoSim) -> None:
    """A start that comes while a mutation acts takes effect after it."""
    order: list[str] = []
    acting, attempted = threading.Event(), threading.Event()

    def act() -> None:
        acting.set()
        attempted.wait(10)
        order.append(f"act, live: {sim.live_workers()}")

    def begin() -> None:
        acting.wait(10)
        attempted.set()
        start(sim, "left", policies.mock(), steps=1)
        order.append("start")

    starter = threading.Thread(target=begin)
    starter.start()
    assert sim._mutate("probe", None, act) is None
    starter.join(10)
    assert order == ["act, live: {}", "start"]


def test_the_window_tells_whether_one_run_was_live_throughout(sim: MujocoSim, stuck: NeverReturns) -> None:
    """Only a run that was live at entry and at exit counts, and only of the robot that was asked about."""
    with sim.policy_window() as before:
        start(sim, "left", stuck)
        assert stuck.entered.wait(10)
    with sim.policy_window() as during, sim.policy_window("right") as elsewhere:
        pass
    with sim.policy_window("left") as until:
        stuck.release()
        assert sim.stop_policy("left").stopped
    assert not before.running_throughout
    assert during.running_throughout and during.robots == ("left",)
    assert not elsewhere.running_throughout
    assert not until.running_throughout


def test_close_ends_every_policy(sim: MujocoSim) -> None:
    """After a clean close no worker and no thread of the pool is left."""
    runs = [start(sim, robot, policies.sinusoid()) for robot in sim.robots()]
    closed = sim.close()
    assert closed.clean
    assert all(run.done() for run in runs)
    assert sim.live_workers() == {}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("policy")]


def test_close_names_the_worker_that_did_not_end(sim: MujocoSim, stuck: NeverReturns) -> None:
    """A close that runs out of time says who is left, and a later one that he is gone."""
    run = start(sim, "left", stuck)
    assert stuck.entered.wait(10)
    assert sim.close(timeout=0.0).still_running == ("left",)
    stuck.release()
    assert run.wait(10)
    assert run.steps == 0
    assert sim.close().clean


def test_a_policy_that_closes_its_engine_is_named(sim: MujocoSim) -> None:
    """Nobody waits for himself in a close either."""
    closed = []

    def final(observation: Observation) -> Action:
        closed.append(sim.close(timeout=60.0))
        return {"qpos": [0.0, 0.0]}

    run = start(sim, "left", final)
    assert run.wait(10)
    assert [reply.still_running for reply in closed] == [("left",)]


def test_a_closed_engine_refuses_and_shows_nothing(sim: MujocoSim) -> None:
    """Every door of a closed engine is shut, in a friendly way."""
    sim.close()
    answers = [
        sim.start_policy("left", policies.mock()),
        sim.run_policy("left", policies.mock()),
        sim.observe("left"),
        sim.step(),
        sim.reset(),
        sim.load_scene("two_arms", stop=True),
    ]
    assert [isinstance(answer, Refused) and "closed" in answer.because for answer in answers] == [True] * 6
    assert (sim.robots(), sim.objects(), sim.cameras()) == ((), (), ())
    with pytest.raises(SceneClosed), sim.scene():
        pass


def test_the_scene_is_lent_under_its_lock(sim: MujocoSim) -> None:
    """While a reader has the scene, no other thread can change it."""
    with sim.scene() as (model, data), ThreadPoolExecutor(1) as other:
        change = other.submit(sim.set_gravity, [0.0, 0.0, -1.0])
        assert not change.done()
        assert model.opt.gravity[2] == pytest.approx(-9.81)
        assert data.model is model
        assert not change.done()
        sim._lock.release()  # what leaving the block does, so that the change can come through
        assert change.result(timeout=10) is None
        sim._lock.acquire()


def test_removal_with_stop_ends_the_policy_first(sim: MujocoSim) -> None:
    """A robot with a running policy can be removed in one call; its run was stopped."""
    run = start(sim, "left", policies.mock())
    assert sim.remove_robot("left", stop=True) is None
    assert run.done()
    assert sim.robots() == ("right",)


def test_removal_with_stop_is_refused_where_the_policy_stays(sim: MujocoSim, stuck: NeverReturns) -> None:
    """A worker that did not end in time keeps its robot."""
    start(sim, "left", stuck)
    assert stuck.entered.wait(10)
    refusal = sim.remove_robot("left", stop=True, timeout=0.0)
    assert isinstance(refusal, Refused) and refusal.robot == "left"
    assert sim.robots() == ("left", "right")


def test_removal_with_stop_leaves_other_robots_policies_alone(sim: MujocoSim, stuck: NeverReturns) -> None:
    """Another robot's policy is not stopped; it makes the removal be refused."""
    run = start(sim, "right", stuck)
    refusal = sim.remove_robot("left", stop=True)
    assert isinstance(refusal, Refused) and refusal.robot == "right"
    assert not run.stop.is_set()


def test_nothing_starts_on_a_robot_that_is_being_removed(sim: MujocoSim, stuck: NeverReturns) -> None:
    """Between the stop and the removal a new start is refused; after a failed removal it is not."""
    start(sim, "left", stuck)
    answers: list[object] = []

    def drained(runs: object, timeout: float) -> None:
        answers.append(sim.start_policy("left", policies.mock()))

    sim._drain = drained  # type: ignore[method-assign]
    assert isinstance(sim.remove_robot("left", stop=True), Refused)
    stuck.release()
    assert not sim.stop_policy("left", timeout=10).still_running
    assert isinstance(answers[0], Refused) and "being removed" in answers[0].because
    assert isinstance(sim.start_policy("left", policies.mock(), steps=1), PolicyRun)


def test_reload_with_stop_ends_all_policies(sim: MujocoSim) -> None:
    """A scene can be reloaded over running policies in one call."""
    runs = [start(sim, robot, policies.mock()) for robot in sim.robots()]
    assert sim.load_scene("workbench", stop=True) is None
    assert all(run.done() for run in runs)
    assert sim.objects() == ("cube", "block", "brick")


def test_one_arm_lacks_a_second_robot() -> None:
    """What a shrunk scenario does with: one robot, all verbs but those that need another."""
    assert MujocoSim("one_arm").robots() == ("left",)
    assert [verb for verb, remedy in MujocoSim.soak_verbs(scene="one_arm").items() if remedy] == [
        "second_robot"
    ]
    assert not any(MujocoSim.soak_verbs().values())
