"""Each canary of the hot swap has its planted defect and nothing else; the correct registry has none."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from soak.author import Refused
from soak.canaries import registry as canaries
from soak.canaries.registry_canaries import REGISTRY
from soak.targets import policies, runner_sources
from soak.targets.mujoco_runs import Policy
from soak.targets.runner import PolicyRunner
from soak.targets.runner_registry import Change, RunnerRegistry, Swapped, What
from soak.targets.runner_words import RunnerFailed, RunnerSource, Stage

Kind = type[RunnerRegistry]

GOOD = runner_sources.good()


@pytest.fixture(autouse=True)
def nobody_steps_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop what a planted defect leaves running: a daemon in `mj_step` kills a process that ends."""
    made: list[PolicyRunner] = []
    make = RunnerRegistry.make

    def remember(registry: RunnerRegistry, key: str, source: RunnerSource) -> PolicyRunner:
        made.append(make(registry, key, source))
        return made[-1]

    monkeypatch.setattr(RunnerRegistry, "make", remember)
    yield
    for runner in made:
        runner.stop(60)
    assert [runner for runner in made if not runner.is_gone()] == []


CANARIES = {
    name: kind
    for name, kind in vars(canaries).items()
    if inspect.isclass(kind) and issubclass(kind, RunnerRegistry) and kind is not RunnerRegistry
}


def started(registry: RunnerRegistry, source: Any = GOOD) -> PolicyRunner:
    runner = registry.start("arm", source)
    assert isinstance(runner, PolicyRunner)
    return runner


def tells_with_the_lock(kind: Kind) -> bool:
    """Is a listener called while the lock is held?"""
    locked: list[bool] = []
    registry = kind(lambda change: locked.append(registry._lock.locked()))
    started(registry)
    registry.reload("arm", GOOD, 60)
    registry.stop_all(60)
    return any(locked)


def waits_with_the_lock(kind: Kind) -> bool:
    """Is the lock held while the old runner's last decision is waited for?"""
    locked: list[bool] = []
    registry, entered, known = kind(), threading.Event(), threading.Event()

    def policy(observation: dict[str, Any]) -> dict[str, list[float]]:
        entered.set()
        known.wait(60)
        while runner.stop_asked_at is None:
            pass
        locked.append(registry._lock.locked())
        return {"qpos": [0.0, 0.0]}

    runner = started(registry, runner_sources.good(lambda: policy))
    entered.wait(60)
    known.set()
    registry.reload("arm", GOOD, 60)
    registry.stop_all(60)
    return any(locked)


def empties_the_entry(kind: Kind) -> bool:
    """Does a get find nothing while the new runner is made?"""
    registry = kind()
    found = []

    def make() -> Policy:
        found.append(registry.get("arm"))
        return policies.mock()

    started(registry)
    source = replace(GOOD, make_policy=make)
    if kind is not canaries.StopUnderLock:  # which makes with the lock held: this get would wait for ever
        registry.reload("arm", source, 60)
    registry.stop_all(60)
    return found == [None]


def stops_nobody(kind: Kind) -> bool:
    """Does the old runner live on?"""
    registry = kind()
    old = started(registry)
    registry.reload("arm", GOOD, 60)
    lives = old.is_live()
    old.stop(60)
    registry.stop_all(60)
    return lives


def starts_after_the_end(kind: Kind) -> bool:
    """Is a start accepted after stop_all?"""
    registry = kind()
    registry.stop_all(60)
    outcome = registry.start("arm", GOOD)
    if isinstance(outcome, Refused):
        return False
    outcome.stop(60)
    return True


def forgets_in_failure(kind: Kind) -> bool:
    """Is nothing registered after a reload that failed?"""
    registry = kind()
    started(registry)
    for stage in Stage:
        with pytest.raises(RunnerFailed):
            registry.reload("arm", runner_sources.failing(stage), 60)
        if registry.get("arm") is None:
            return True
    registry.stop_all(60)
    return False


def hands_out_the_stopped(kind: Kind) -> bool:
    """Does a get, once the old runner is stopped, still find that one?"""
    found = []

    def listen(change: Change) -> None:
        if change.what is What.STOPPED:
            found.append(registry._table.get("arm") is change.runner and not registry._lock.locked())

    registry = kind(listen)
    started(registry)
    registry.reload("arm", GOOD, 60)
    registry.stop_all(60)
    return found[:1] == [True]


DEFECTS: dict[str, Callable[[Kind], bool]] = {
    "StopUnderLock": tells_with_the_lock,
    "WaitUnderLock": waits_with_the_lock,
    "RemovedDuringSwap": empties_the_entry,
    "NeverStopped": stops_nobody,
    "NoClosedFlag": starts_after_the_end,
    "FailureForgets": forgets_in_failure,
    "HandedOutStopped": hands_out_the_stopped,
}
#: What is done under the lock is one defect, which shows in both of these ways.
_UNDER_LOCK = {"StopUnderLock", "WaitUnderLock"}


def test_every_canary_is_tried_here_and_listed() -> None:
    """A canary without a test of its defect, or that nobody runs, would sing for nobody."""
    listed = {canary.target.partition(":")[2] for canary in REGISTRY}
    assert CANARIES.keys() == DEFECTS.keys() == listed
    assert {canary.target.partition(":")[0] for canary in REGISTRY} == {canaries.__name__}


@pytest.mark.parametrize("name", DEFECTS)
def test_the_defect_is_planted(name: str) -> None:
    """The canary has its defect."""
    assert DEFECTS[name](CANARIES[name])


@pytest.mark.parametrize("name", DEFECTS)
def test_the_correct_registry_has_no_such_defect(name: str) -> None:
    """The registry that the canary is made of does not have it."""
    assert not DEFECTS[name](RunnerRegistry)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_canary_has_one_defect(name: str) -> None:
    """None of the other defects is in it."""
    others = DEFECTS.keys() - {name} - (_UNDER_LOCK if name in _UNDER_LOCK else set())
    assert [other for other in others if DEFECTS[other](CANARIES[name])] == []


@pytest.mark.parametrize("name", CANARIES)
def test_a_canary_says_its_defect_in_a_line(name: str) -> None:
    """The first line of a canary's docstring is one sentence."""
    assert (CANARIES[name].__doc__ or "").splitlines()[0].endswith(".")


def test_a_canary_works_but_for_its_defect() -> None:
    """Every canary starts, decides, reloads and stops."""
    for kind in CANARIES.values():
        registry = kind()
        old = started(registry)
        assert not isinstance(old.decide(60), Refused)
        answer = registry.reload("arm", GOOD, 60)
        assert isinstance(answer, Swapped)
        assert registry.get("arm") is answer.runner
        assert not isinstance(answer.runner.decide(60), Refused)
        registry.stop_all(60)
        assert answer.runner.is_gone()
        old.stop(60)
