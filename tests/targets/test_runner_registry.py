"""The registry: who is registered, who lives, and what it says when it cannot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from soak.author import Refused
from soak.targets import policies, runner_sources
from soak.targets.mujoco_runs import Policy, StopState
from soak.targets.policies import NeverReturns
from soak.targets.runner import PolicyRunner
from soak.targets.runner_registry import Change, RunnerRegistry, Swapped, What
from soak.targets.runner_words import RunnerFailed, RunnerSource, RunnerStop, Stage

pytestmark = pytest.mark.usefixtures("oracles")

GOOD = runner_sources.good()


@pytest.fixture
def registry() -> Iterator[RunnerRegistry]:
    """A registry whose runners are stopped after the test."""
    made = RunnerRegistry()
    yield made
    made.stop_all(60)


def started(registry: RunnerRegistry, key: str = "arm", source: RunnerSource = GOOD) -> PolicyRunner:
    runner = registry.start(key, source)
    assert isinstance(runner, PolicyRunner)
    return runner


def swapped(registry: RunnerRegistry, source: RunnerSource = GOOD, timeout: float = 60.0) -> Swapped:
    answer = registry.reload("arm", source, timeout)
    assert isinstance(answer, Swapped)
    return answer


def never(policy: NeverReturns) -> RunnerSource:
    return runner_sources.good(lambda: policy)


def test_a_key_has_a_runner_from_its_start_to_its_stop(registry: RunnerRegistry) -> None:
    """Nothing before, the runner meanwhile, nothing after."""
    assert registry.get("arm") is None
    runner = started(registry)
    assert registry.get("arm") is runner
    assert registry.keys() == ("arm",)
    reply = registry.stop("arm", 60)
    assert isinstance(reply, RunnerStop)
    assert reply.state is StopState.STOPPED
    assert registry.get("arm") is None
    assert runner.is_gone()


def test_a_reload_swaps_and_stops_the_old_one_once(registry: RunnerRegistry) -> None:
    """The new one is registered and live, the old one is gone after one stop."""
    old = started(registry)
    answer = swapped(registry)
    assert answer.superseded is old
    assert registry.get("arm") is answer.runner
    assert answer.runner.is_live()
    assert answer.runner.generation > old.generation
    assert answer.stop.gone
    assert (old.is_gone(), old.stops) == (True, 1)


def test_the_new_runner_is_registered_before_the_old_one_is_stopped(stuck: NeverReturns) -> None:
    """While the old one hangs in its stop, the new one is handed out, and both are accounted for."""
    heard: list[tuple[What, PolicyRunner | None, float | None]] = []

    def listen(change: Change) -> None:
        heard.append((change.what, registry.get("arm"), old.stop_asked_at if heard else None))

    registry = RunnerRegistry(listen)
    old = started(registry, source=never(stuck))
    stuck.entered.wait(60)
    answer = swapped(registry, timeout=0.0)
    assert answer.stop.state is StopState.STILL_RUNNING
    assert heard[1] == (What.REGISTERED, answer.runner, None)
    census = registry.census()
    assert census.registered == {"arm": answer.runner}
    assert census.leaving == (old,)
    assert set(census.live) <= {old, answer.runner}
    refusal = registry.reload("arm", GOOD)
    assert isinstance(refusal, Refused)
    assert "lives on" in refusal.because
    stuck.release()
    assert old.wait_gone(60)
    swapped(registry)
    assert registry.stop_all(60).still_running == ()


@pytest.mark.parametrize("stage", Stage)
def test_a_reload_that_fails_changes_nothing(stage: Stage, registry: RunnerRegistry) -> None:
    """Whatever stage it fails in, the old runner is registered, live, decides, and can be reloaded."""
    old = started(registry)
    threads = threading.active_count()
    with pytest.raises(RunnerFailed):
        registry.reload("arm", runner_sources.failing(stage))
    assert registry.get("arm") is old
    assert old.is_live()
    assert not isinstance(old.decide(60), Refused)
    assert threading.active_count() == threads
    assert old.stops == 0
    swapped(registry)


def test_a_start_that_fails_registers_nothing(registry: RunnerRegistry) -> None:
    """And the key can be started afterwards."""
    with pytest.raises(RunnerFailed):
        registry.start("arm", runner_sources.failing(Stage.START))
    assert registry.get("arm") is None
    started(registry)


def test_nobody_waits_for_a_runner_that_is_made(registry: RunnerRegistry) -> None:
    """While a policy is being made, other keys and this one answer, and a second reload is refused."""
    old = started(registry)
    making, go = threading.Event(), threading.Event()

    def make() -> Policy:
        making.set()
        go.wait(60)
        return policies.mock()

    with ThreadPoolExecutor(1) as other:
        reload = other.submit(registry.reload, "arm", runner_sources.good(make))
        making.wait(60)
        assert registry.get("arm") is old
        assert registry.get("leg") is None
        refusals = (
            registry.reload("arm", GOOD),
            registry.stop("arm"),
            registry.start("arm", GOOD),
        )
        assert all(isinstance(each, Refused) and "another caller" in each.because for each in refusals)
        started(registry, "leg")
        go.set()
        assert isinstance(reload.result(60), Swapped)


def test_a_policy_may_ask_the_registry_while_it_is_stopped(registry: RunnerRegistry) -> None:
    """A decision that calls get inside of a swap does not wait for the swap."""
    entered, go = threading.Event(), threading.Event()
    seen: list[PolicyRunner | None] = []

    def policy(observation: dict[str, object]) -> dict[str, list[float]]:
        entered.set()
        go.wait(60)
        seen.append(registry.get("arm"))
        return {"qpos": [0.0, 0.0]}

    started(registry, source=runner_sources.good(lambda: policy))
    entered.wait(60)
    with ThreadPoolExecutor(1) as other:
        reload = other.submit(swapped, registry)
        while not registry.census().leaving:
            pass
        go.set()
        assert seen == [] or seen[0] is not None
        answer = reload.result(60)
    assert seen[-1] is answer.runner


@pytest.mark.parametrize(
    ("call", "because"),
    [
        (lambda registry: registry.reload("leg", GOOD), "no runner"),
        (lambda registry: registry.stop("leg"), "no runner"),
        (lambda registry: registry.start("arm", GOOD), "has a runner"),
    ],
)
def test_what_does_not_fit_is_refused(
    call: Callable[[RunnerRegistry], object], because: str, registry: RunnerRegistry
) -> None:
    """A key without a runner is not reloaded, one with a runner is not started."""
    started(registry)
    answer = call(registry)
    assert isinstance(answer, Refused)
    assert because in answer.because


def test_stop_all_is_for_good(registry: RunnerRegistry) -> None:
    """Nothing lives on, nothing is registered, nothing is started afterwards; twice is as good as once."""
    runners = [started(registry, key) for key in ("a", "b", "c")]
    assert registry.stop_all(60).still_running == ()
    assert all(runner.is_gone() and runner.stops == 1 for runner in runners)
    census = registry.census()
    assert (census.registered, census.leaving, census.live) == ({}, (), ())
    for answer in (registry.start("d", GOOD), registry.reload("a", GOOD), registry.stop("a")):
        assert isinstance(answer, Refused)
        assert "for good" in answer.because
    assert registry.stop_all(60).still_running == ()
    assert all(runner.stops == 1 for runner in runners)


def test_stop_all_names_who_does_not_end(registry: RunnerRegistry, stuck: NeverReturns) -> None:
    """The others are stopped all the same; asked again, it says whether the last one has ended."""
    hanging = started(registry, source=never(stuck))
    other = started(registry, "leg")
    stuck.entered.wait(60)
    assert registry.stop_all(0.0).still_running[:1] == (hanging,)
    assert other.wait_gone(60)
    stuck.release()
    assert registry.stop_all(60).still_running == ()


def test_a_start_that_is_overtaken_by_stop_all_starts_nothing(registry: RunnerRegistry) -> None:
    """The runner was made before, and is never started."""
    making, go = threading.Event(), threading.Event()

    def make() -> Policy:
        making.set()
        go.wait(60)
        return policies.mock()

    with ThreadPoolExecutor(1) as other:
        start = other.submit(registry.start, "arm", replace(GOOD, make_policy=make))
        making.wait(60)
        registry.stop_all(60)
        go.set()
        assert isinstance(start.result(60), Refused)
    assert registry.census().live == ()


def test_stop_all_waits_for_a_runner_that_is_leaving(registry: RunnerRegistry, stuck: NeverReturns) -> None:
    """It was superseded before, and another thread is stopping it: it is named until it is gone."""
    old = started(registry, source=never(stuck))
    stuck.entered.wait(60)
    swapped(registry, timeout=0.0)
    assert old in registry.stop_all(0.0).still_running
    stuck.release()
    assert registry.stop_all(60).still_running == ()
    assert old.stops == 1
