"""One runner: its decisions, its stop, and every order of the two."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from soak.author import Refused
from soak.targets import policies, runner_sources
from soak.targets.mujoco_runs import Action, Observation, Policy, StopState
from soak.targets.policies import NeverReturns, PolicyFailed
from soak.targets.runner import LiveRunners, PolicyRunner, make_runner
from soak.targets.runner_words import Decision, RunnerFailed, Stage

pytestmark = pytest.mark.usefixtures("oracles")

Make = Callable[..., PolicyRunner]


@pytest.fixture
def live() -> LiveRunners:
    return LiveRunners()


@pytest.fixture
def make(live: LiveRunners) -> Iterator[Make]:
    """Makes runners of policies; they are stopped after the test."""
    made: list[PolicyRunner] = []

    def make_it(policy: Policy | None = None) -> PolicyRunner:
        source = runner_sources.good(lambda: policy or policies.mock())
        made.append(make_runner("arm", len(made) + 1, source, live))
        return made[-1]

    yield make_it
    for runner in made:
        if isinstance(runner.policy, NeverReturns):
            runner.policy.release()
        assert runner.stop(60).gone


def test_a_decision_steps_the_runners_own_world(make: Make) -> None:
    """Each decision is the runner's own, numbered, and later than the one before."""
    runner = make(policies.sinusoid())
    assert runner.start() is None
    first, second = runner.decide(), runner.decide()
    assert isinstance(first, Decision)
    assert isinstance(second, Decision)
    assert (first.key, first.generation) == ("arm", 1)
    assert second.number > first.number
    assert second.time > first.time


def test_a_runner_decides_by_itself(make: Make) -> None:
    """Nobody asks, and decisions are taken all the same."""
    taken = threading.Event()

    def policy(observation: Observation) -> Action:
        taken.set()
        return {"qpos": [0.0, 0.0]}

    runner = make(policy)
    runner.start()
    assert taken.wait(60)


def test_a_policy_that_raises_costs_its_decision_only(make: Make) -> None:
    """The asker gets the policy's own exception; the runner lives on and decides again."""
    fails = True

    def policy(observation: Observation) -> Action:
        if fails:
            raise PolicyFailed("no")
        return {"qpos": [0.0, 0.0]}

    runner = make(policy)
    runner.start()
    with pytest.raises(PolicyFailed):
        runner.decide()
    fails = False
    while isinstance(runner.decide(60), Refused):
        pass
    assert runner.is_live()
    assert runner.failures


def test_a_stop_leaves_no_thread(make: Make, live: LiveRunners) -> None:
    """What is stopped is gone from Python's threads and from the ground truth."""
    runner = make()
    before = threading.active_count()
    runner.start()
    assert isinstance(runner.decide(60), Decision)
    assert live.all() == (runner,)
    reply = runner.stop(60)
    assert reply.state is StopState.STOPPED
    assert reply.gone
    assert runner.is_gone()
    assert live.all() == ()
    assert threading.active_count() == before


def test_a_stopped_runner_decides_nothing(make: Make) -> None:
    """A decision after the stop is refused, and the policy is not called."""
    calls = []

    def policy(observation: Observation) -> Action:
        calls.append(observation)
        return {"qpos": [0.0, 0.0]}

    runner = make(policy)
    runner.start()
    runner.stop(60)
    before = len(calls)
    assert isinstance(runner.decide(), Refused)
    assert len(calls) == before


def test_a_decision_before_the_start_is_refused(make: Make) -> None:
    """What does not run decides nothing, and says so."""
    answer = make().decide()
    assert isinstance(answer, Refused)
    assert "not been started" in answer.because


def test_a_runner_that_hangs_is_named_and_ends_when_it_is_let_go(make: Make, stuck: NeverReturns) -> None:
    """A stop that gives up says so, and waiting on tells when the thread is gone."""
    runner = make(stuck)
    runner.start()
    stuck.entered.wait(60)
    reply = runner.stop(0.0)
    assert reply.state is StopState.STILL_RUNNING
    assert not reply.gone
    assert not runner.is_gone()
    assert not runner.is_live()
    stuck.release()
    assert runner.wait_gone(60)
    assert runner.is_gone()


def test_whoever_waits_for_a_decision_is_told_of_the_stop(make: Make, stuck: NeverReturns) -> None:
    """A decision that is asked for and not begun is refused when the runner is stopped."""
    runner = make(stuck)
    runner.start()
    stuck.entered.wait(60)
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(runner.decide, 60.0)
        while not runner._requests:
            pass
        runner.stop(0.0)
        answer = asked.result(60)
    assert isinstance(answer, Refused)
    assert "stopped" in answer.because
    stuck.release()


def test_a_decision_that_takes_too_long_is_given_up(make: Make, stuck: NeverReturns) -> None:
    """The asker has his time back; nobody else loses the runner."""
    runner = make(stuck)
    runner.start()
    answer = runner.decide(0.0)
    assert isinstance(answer, Refused)
    assert "not decided" in answer.because
    assert runner.is_live()
    stuck.release()


def test_a_policy_that_asks_its_own_runner_is_refused(make: Make) -> None:
    """Nobody waits for himself: not for a decision, not for a stop."""
    answers: list[object] = []

    def policy(observation: Observation) -> Action:
        answers.append(runner.decide())
        answers.append(runner.stop(60).state)
        return {"qpos": [0.0, 0.0]}

    runner = make(policy)
    runner.start()
    assert runner.wait_gone(60)
    assert isinstance(answers[0], Refused)
    assert answers[1:] == [StopState.STILL_RUNNING]


def test_a_stop_before_the_start_is_for_good(make: Make) -> None:
    """Stop, then start: nothing runs."""
    runner = make()
    assert runner.stop(60).state is StopState.NOT_RUNNING
    assert isinstance(runner.start(), Refused)
    assert runner.is_gone()


def test_a_second_stop_finds_nothing(make: Make) -> None:
    """Twice is as good as once, and both are counted."""
    runner = make()
    runner.start()
    assert runner.stop(60).state is StopState.STOPPED
    assert runner.stop(60).state is StopState.NOT_RUNNING
    assert runner.stops == 2


def test_a_second_start_is_refused(make: Make) -> None:
    """A runner has one thread in its life."""
    runner = make()
    assert runner.start() is None
    assert isinstance(runner.start(), Refused)
    runner.stop(60)
    assert isinstance(runner.start(), Refused)


@pytest.mark.parametrize("stage", [Stage.PARSE, Stage.COMPILE])
def test_a_source_that_cannot_be_made_says_where_it_failed(stage: Stage, live: LiveRunners) -> None:
    """The stage is named, and MuJoCo's own words are the cause."""
    with pytest.raises(RunnerFailed) as failed:
        make_runner("arm", 1, runner_sources.failing(stage), live)
    assert failed.value.stage is stage
    assert isinstance(failed.value.__cause__, ValueError)


def test_a_policy_that_does_not_fit_fails_in_the_start(live: LiveRunners) -> None:
    """What fails in its start has no thread."""
    runner = make_runner("arm", 1, runner_sources.failing(Stage.START), live)
    before = threading.active_count()
    with pytest.raises(RunnerFailed) as failed:
        runner.start()
    assert failed.value.stage is Stage.START
    assert threading.active_count() == before
    assert not runner.is_live()


def test_a_policy_that_cannot_be_made_fails_as_a_start_does(live: LiveRunners) -> None:
    """Whatever its making raises is the cause."""

    def make_policy() -> Policy:
        raise KeyError("weights")

    with pytest.raises(RunnerFailed) as failed:
        make_runner("arm", 1, runner_sources.good(make_policy), live)
    assert failed.value.stage is Stage.START
    assert isinstance(failed.value.__cause__, KeyError)
