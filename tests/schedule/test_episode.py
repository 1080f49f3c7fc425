"""A scenario's operations are explored as they are: what fails is a finding, what is allowed is none."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import soak
from soak import author
from soak.author import ScenarioBuilder
from soak.events import Phase, PromiseBroken, Raised
from soak.schedule.episode import Episode, Unfit, in_words
from soak.schedule.exploration import Exploration
from soak.schedule.outcome import Kind
from soak.schedule.result import Result
from soak.schedule.scene import told
from soak.schedule.token import BadToken
from soak.schedule.work import Work, hands, works
from tests.schedule import scenes


@pytest.fixture(autouse=True)
def own_witness() -> Iterator[None]:
    """Whatever witness a test installs, the one before is back afterwards."""
    before = author.set_witness(author._PlainWitness())
    yield
    author.set_witness(before)


Explore = Callable[..., tuple[Episode, Result]]


@pytest.fixture
def explore(tmp_path: Path) -> Explore:
    """Explore a scenario in this process, as the child of `soak explore` does."""

    def run(builder: ScenarioBuilder, *, schedules: int = 300, seed: int = 0) -> tuple[Episode, Result]:
        episode = Episode(builder.freeze(), None, tmp_path, seed=seed)
        author.set_witness(episode.witness)
        return episode, Exploration(episode).run(schedules)

    return run


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_broken_promise_is_found_with_the_calls_that_break_it_and_no_others(
    explore: Explore, seed: int
) -> None:
    """Two withdrawals, by two threads, are all that is left."""
    episode, result = explore(scenes.bank(locked=False), seed=seed)
    assert result.found, result
    assert result.kind is Kind.ERROR
    event = episode.witness.event
    assert isinstance(event, PromiseBroken)
    assert event.promise in (scenes.NOT_TOO_MANY, scenes.NEVER_NEGATIVE)
    assert event.promise in result.words
    calls = [words.partition(": ")[2] for words in in_words(episode)]
    assert calls in (["withdraw", "withdraw"], ["withdraw", "withdraw", "read"])


def test_the_token_says_what_the_threads_have_to_do(explore: Explore, tmp_path: Path) -> None:
    """A new exploration replays it exactly, whatever its own seed."""
    _, result = explore(scenes.bank(locked=False), seed=3)
    assert result.token is not None
    other = Episode(scenes.bank(locked=False).freeze(), None, tmp_path, seed=99)
    author.set_witness(other.witness)
    again = Exploration(other).replay(result.token)
    assert (again.found, again.exact, again.words) == (True, True, result.words)


def test_a_function_s_token_is_none_of_a_scenario_s(tmp_path: Path) -> None:
    episode = Episode(scenes.bank(locked=False).freeze(), None, tmp_path, seed=0)
    with pytest.raises(BadToken, match="not one of a scenario's"):
        Exploration(episode).replay("soak1/3.11/line/0/-//")


@pytest.mark.parametrize(
    "builder",
    [scenes.bank(locked=True), scenes.refusing(), scenes.waiting(), scenes.forking(alone=False)],
    ids=lambda builder: builder.freeze().name,
)
def test_what_is_allowed_is_no_finding(explore: Explore, builder: ScenarioBuilder) -> None:
    """A guarded account, refusals, expected exceptions, long operations: silent, and all schedules end."""
    episode, result = explore(builder)
    assert not result.found, result
    assert (result.schedules, result.endless, result.stalled, result.notes) == (300, 0, None, ())
    assert episode.left_out == (("apart",) if builder.freeze().name == "forking" else ())


def test_an_unexpected_exception_says_in_which_operation(explore: Explore) -> None:
    episode, result = explore(scenes.failing())
    assert isinstance(result.error, LookupError)
    event = episode.witness.event
    assert isinstance(event, Raised)
    assert (event.error, event.doing, event.thread) == ("LookupError", "fail", "fail-0")
    assert event.phase is Phase.OPERATIONS


def test_a_deadlock_says_where_everybody_stands_and_in_what(explore: Explore) -> None:
    """As a soak's hang does, so that both can be named alike."""
    episode, result = explore(scenes.crossed())
    assert result.kind is Kind.DEADLOCK
    halted = {one["thread"]: one for one in told(episode, result)["halted"]}
    assert halted["left_then_right-0"]["doing"] == "the right one"
    assert halted["right_then_left-0"]["doing"] == "right_then_left"
    for name in ("left_then_right", "right_then_left"):
        frames = halted[f"{name}-0"]["frames"]
        assert frames[0]["function"].endswith(name), frames


def test_an_invariant_is_looked_at_between_two_lines(explore: Explore) -> None:
    episode, result = explore(scenes.watched())
    assert result.found, result
    assert isinstance(episode.witness.event, PromiseBroken)
    assert episode.witness.event.promise == "both numbers are equal"


def test_a_thread_whose_time_is_up_begins_nothing_more(explore: Explore) -> None:
    """An operation may leave its work half done then: in a soak none comes after it."""
    _episode, result = explore(scenes.until_told())
    assert not result.found, result.words


def test_a_history_is_judged_at_rest(explore: Explore) -> None:
    """What no single answer shows; the counterexample lies in the worker's folder."""
    episode, result = explore(scenes.remembered())
    assert result.found, result
    assert isinstance(episode.witness.event, PromiseBroken)
    assert episode.witness.event.promise == "the history of register is linearizable"
    assert episode.witness.event.phase is Phase.CHECKS
    assert "read" in episode.witness.event.details["calls"]


def test_what_has_processes_only_cannot_be_explored(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="soak run forking"):
        Episode(scenes.forking(alone=True).freeze(), None, tmp_path, seed=0)


def test_a_scenario_that_yields_nothing_is_the_users_mistake(explore: Explore) -> None:
    def nothing(target: object, rng: random.Random) -> scenes.Course:
        """Empty."""
        if target is not None:
            yield

    builder = soak.scenario(seconds=1.0)(nothing)

    @builder.operation(threads=1)
    def call(state: object, rng: random.Random) -> None:
        pass

    _, result = explore(builder)
    assert isinstance(result.error, Unfit)
    assert "one `yield`" in str(result.error)


def test_work_is_written_and_read() -> None:
    work = Work(calls=2, variant=17, without=frozenset([(3, 1), (0, 0)]))
    assert str(work) == "2x17-0.0-3.1"
    assert Work.parse(str(work)) == work
    for text in ("", "2", "2x", "x1", "2x1-", "2x1-3", "2x1 "):
        with pytest.raises(ValueError, match="expected work"):
            Work.parse(text)


def test_a_call_that_is_taken_away_leaves_the_others_as_they_were() -> None:
    """Each draws from its own generator, and keeps its place."""
    scenario = scenes.bank(locked=False).freeze()
    work = next(work for work in works() if work.calls == 3)
    all_of_them = hands(scenario, work, 0)
    fewer = hands(scenario, work.less(frozenset([(0, 1)])), 0)
    assert [hand.name for hand in fewer] == [hand.name for hand in all_of_them]
    assert fewer[1:] == all_of_them[1:]
    assert fewer[0].steps == (all_of_them[0].steps[0], all_of_them[0].steps[2])


def test_works_grow_and_never_repeat() -> None:
    first = [work for work, _ in zip(works(), range(24), strict=False)]
    assert first[0].calls == 1
    assert {work.calls for work in first} == {1, 2, 3, 4}
    assert len({str(work) for work in first}) == len(first)
