"""The promises of the hot swap: kept by the correct registry, and stated where a registry breaks them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from soak.author import Refused
from soak.canaries import registry as canaries
from soak.targets import policies, runner_sources, swap_promises
from soak.targets.mujoco_runs import StopState
from soak.targets.policies import NeverReturns
from soak.targets.runner import PolicyRunner
from soak.targets.runner_registry import RunnerRegistry, Swapped
from soak.targets.runner_words import Decision, RunnerFailed, RunnerStop, Stage
from soak.targets.swap_promises import Swaps, look_out, nothing_lives

GOOD = runner_sources.good()


@pytest.fixture
def swaps() -> Iterator[Swaps]:
    """Callers of the correct registry; its runners are stopped after the test."""
    made = Swaps(RunnerRegistry)
    yield made
    made.registry.stop_all(60)


def started(swaps: Swaps, key: str = "arm") -> PolicyRunner:
    runner = swaps.start(key, swaps.source(GOOD))
    assert isinstance(runner, PolicyRunner)
    return runner


def end(swaps: Swaps, *others: PolicyRunner) -> None:
    swaps._ending = True
    swaps.registry.stop_all(60)
    for runner in others:
        runner.stop(60)


def test_a_swap_keeps_every_promise(swaps: Swaps) -> None:
    """Start, get, decide, reload, fail, look, stop: nothing is told."""
    started(swaps)
    for _ in range(3):
        runner = swaps.get("arm")
        assert runner is not None
        assert isinstance(swaps.decide(runner, 60), Decision)
        assert isinstance(swaps.reload("arm", swaps.source(GOOD), 60), Swapped)
        with pytest.raises(RunnerFailed):
            swaps.reload("arm", swaps.source(runner_sources.failing(Stage.START)), 60)
        assert swaps.look() in (False, True)
    assert swaps.changes == 7
    assert swaps.stop_all(60)
    assert swaps.stopped_once()


def test_a_second_runner_is_seen_while_the_first_one_hangs(swaps: Swaps, stuck: NeverReturns) -> None:
    """Two live runners of one key are no broken promise while that is declared."""
    swaps.start("arm", swaps.source(runner_sources.good(lambda: stuck)))
    stuck.entered.wait(60)
    answer = swaps.reload("arm", swaps.source(GOOD), 0.0)
    assert isinstance(answer, Swapped)
    assert isinstance(swaps.decide(answer.runner, 60), Decision)
    assert swaps.look()
    stuck.release()


def test_a_reload_of_another_key_is_told_from_one_of_this(swaps: Swaps) -> None:
    """Latencies are told apart by what is being reloaded."""
    names = []
    for under_way in ((), ("arm",), ("leg",)):
        swaps.under_way = frozenset(under_way)
        names.append(swaps._name_of_get("arm"))
    assert names == ["get in peace", "get of a key that is reloaded", "get beside a reload"]


def test_a_key_without_a_runner_is_told(swaps: Swaps) -> None:
    """Between first start and final stop there has to be one."""
    with pytest.raises(AssertionError, match=swap_promises.NEVER_NONE):
        swaps.get("arm")
    assert swaps.get("arm", may_be_none=True) is None


def test_a_runner_that_is_handed_out_after_its_stop_is_told(swaps: Swaps) -> None:
    """A stop that was asked for before the get began is not to be met."""
    started(swaps).stop(60)
    with pytest.raises(AssertionError, match=swap_promises.NEVER_STOPPED):
        swaps.get("arm")


def test_an_older_runner_after_a_newer_one_is_told(swaps: Swaps) -> None:
    """Generations go up for every observer."""
    old = started(swaps)
    swapped = swaps.reload("arm", swaps.source(GOOD), 60)
    assert isinstance(swapped, Swapped)
    old.stop_asked_at = None
    swaps.registry._table["arm"] = old
    with pytest.raises(AssertionError, match=swap_promises.IN_ORDER):
        swaps.get("arm")
    end(swaps, swapped.runner)


def test_a_reload_that_forgets_the_old_runner_is_told() -> None:
    """The entry is looked up after a failure."""
    swaps = Swaps(canaries.FailureForgets)
    started(swaps)
    with pytest.raises(AssertionError, match=swap_promises.NEVER_NONE):
        swaps.reload("arm", swaps.source(runner_sources.failing(Stage.PARSE)), 60)
    end(swaps)


def test_a_stop_that_lies_is_told() -> None:
    """A runner that is said to be stopped and lives breaks promises in the reply, the census and the end."""
    swaps = Swaps(canaries.NeverStopped)
    old = started(swaps)
    with pytest.raises(AssertionError, match=swap_promises.STOP_IS_TRUE):
        swaps.reload("arm", swaps.source(GOOD), 60)
    assert not isinstance(old.decide(60), Refused)
    with pytest.raises(AssertionError, match=swap_promises.ONE_LIVE):
        swaps.look()
    with pytest.raises(AssertionError, match=swap_promises.ONCE):
        swaps.stopped_once()
    with pytest.raises(AssertionError, match=swap_promises.NONE_LEFT):
        swaps.stop_all(60)
    end(swaps, old)


def test_a_second_stop_of_a_superseded_runner_is_told(swaps: Swaps) -> None:
    """Once means once."""
    old = started(swaps)
    swaps.reload("arm", swaps.source(GOOD), 60)
    assert swaps.stopped_once()
    old.stop(60)
    with pytest.raises(AssertionError, match=swap_promises.ONCE):
        swaps.stopped_once()


def test_a_decision_on_a_stopped_runner_is_told(swaps: Swaps) -> None:
    """The lookout tells when its runner is over, and the asker when an answer comes all the same."""
    lookout = look_out(started(swaps))
    lookout({"qpos": [0.0, 0.0]})
    lookout.over = True
    with pytest.raises(AssertionError, match=swap_promises.NO_DECISION):
        lookout({"qpos": [0.0, 0.0]})
    lookout.over = False


def test_an_answer_of_a_runner_that_is_gone_is_told(swaps: Swaps) -> None:
    """So is an answer that another runner gave."""

    class Ghost:
        """Answers from beyond."""

        key, generation = "arm", 1

        def __init__(self, generation: int, gone: bool) -> None:
            self.answer = Decision(key="arm", generation=generation, number=1, time=0.0)
            self.gone = gone

        def is_gone(self) -> bool:
            return self.gone

        def decide(self, timeout: float) -> Decision:
            return self.answer

    with pytest.raises(AssertionError, match=swap_promises.NO_DECISION):
        swaps.decide(Ghost(1, gone=True))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=swap_promises.OWN_DECISION):
        swaps.decide(Ghost(2, gone=False))  # type: ignore[arg-type]


def test_what_lives_after_the_end_is_told() -> None:
    """A registry without a closed flag starts whoever comes late."""
    registry = canaries.NoClosedFlag()
    registry.stop_all(60)
    assert nothing_lives(registry)
    late = registry.start("arm", runner_sources.good(policies.mock))
    assert isinstance(late, PolicyRunner)
    with pytest.raises(AssertionError, match=swap_promises.NONE_LEFT):
        nothing_lives(registry)
    registry.stop_all(60)


def test_a_reply_that_is_not_gone_is_no_lie() -> None:
    """What still runs is said to run."""
    reply = RunnerStop(key="arm", generation=1, state=StopState.STILL_RUNNING, decisions=0)
    assert not reply.gone
