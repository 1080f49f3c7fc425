"""Operations, nemeses and invariants, each in threads of a real worker."""

from __future__ import annotations

from pathlib import Path

from soak.events import Beat, Phase, PromiseBroken, Raised
from tests.worker.harness import soak_story


def test_outcomes_are_counted_as_what_they_are(tmp_path: Path) -> None:
    """A refusal and an expected exception count as refused, anything else as accepted; rounds bound them."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60, rounds=10)
        def story(target, rng):
            yield None

        @story.operation(threads=2)
        def accept(state, rng):
            return False

        @story.operation(threads=1)
        def refuse(state, rng):
            return soak.Refused(what="this", because="that", remedy="later")

        @story.operation(threads=1, expects=(KeyError, IndexError))
        def expect(state, rng):
            raise IndexError(3)
        """,
    )
    beat = outcome.of(Beat)[-1]
    assert (beat.operations, beat.accepted, beat.refused) == (40, 20, 20)
    assert outcome.last_words().reason == "count"
    names = [thread.name for thread in outcome.snapshot().threads]
    assert names == ["main", "accept-0", "accept-1", "refuse-0", "expect-0"]
    ends = {thread.name: {entry.outcome for entry in thread.ring} for thread in outcome.snapshot().threads}
    assert ends["accept-0"] == {"done"}
    assert ends["refuse-0"] == ends["expect-0"] == {"refused"}


def test_unexpected_exceptions_are_all_kept(tmp_path: Path) -> None:
    """Two threads that raise are two errors, each with its own frames, operation and snapshot."""
    outcome = soak_story(
        tmp_path,
        """
        import threading

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield threading.Barrier(2)

        @story.operation(threads=1, expects=(KeyError,))
        def first(state, rng):
            state.wait()
            raise ValueError("one")

        @story.operation(threads=1)
        def second(state, rng):
            state.wait()
            deeper()

        def deeper():
            raise SystemExit(2)

        @story.check("is not looked at after an error")
        def check(state):
            return False
        """,
        count=3,
    )
    raised = {event.thread: event for event in outcome.of(Raised)}
    assert set(raised) == {"first-0", "second-0"}
    one, two = raised["first-0"], raised["second-0"]
    assert (one.error, one.message, one.doing) == ("ValueError", "one", "first")
    # The first of them stops the others: the second one may be told when the iteration is over.
    assert Phase.OPERATIONS in (one.phase, two.phase)
    assert [frame.function for frame in one.frames] == ["first"]
    assert (two.error, two.doing) == ("SystemExit", "second")
    assert [frame.function for frame in two.frames] == ["deeper", "second"]
    assert 'raise ValueError("one")' in one.traceback
    ring = next(t for t in outcome.snapshot(one.ring).threads if t.name == "first-0").ring
    assert [(entry.label, entry.outcome) for entry in ring] == [("first", "raised")]
    assert outcome.last_words().reason == "finding"
    assert not outcome.of(PromiseBroken)


def test_the_pool_chooses_by_weight(tmp_path: Path) -> None:
    """An operation of weight 3 comes about three times as often as one of weight 1, one of 0 never."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60, rounds=400, threads=2)
        def story(target, rng):
            yield None

        @story.operation(weight=3)
        def often(state, rng):
            print("often")

        @story.operation()
        def seldom(state, rng):
            print("seldom")

        @story.operation(weight=0)
        def never(state, rng):
            print("never")
        """,
    )
    lines = outcome.text("stdout").splitlines()
    assert len(lines) == 800
    assert 550 <= lines.count("often") <= 650
    assert "never" not in lines
    assert [t.name for t in outcome.snapshot().threads] == ["main", "pool-0", "pool-1"]


def test_operations_end_when_their_time_is_up(tmp_path: Path) -> None:
    """Without rounds the operations run for their seconds, and `stopping` tells long ones to end."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=0.05)
        def story(target, rng):
            assert not soak.stopping()
            yield None

        @story.operation(threads=1)
        def long(state, rng):
            while not soak.stopping():
                soak.beat()

        @story.check("time is up")
        def check(state):
            return soak.stopping()
        """,
    )
    assert outcome.of(Beat)[-1].operations == 1
    assert outcome.snapshot().threads[1].beats > 0
    assert outcome.last_words().reason == "count"


def test_a_nemesis_makes_trouble_until_the_end(tmp_path: Path) -> None:
    """A nemesis is called again and again while operations run, and counts as no operation."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60)
        def story(target, rng):
            yield []

        @story.operation(threads=1)
        def wait(state, rng):
            while len(state) < 3 and not soak.stopping():
                pass
            if len(state) >= 3:
                raise KeyError("enough")

        @story.nemesis(every=0.001)
        def disturb(state, rng):
            state.append(rng.random())
        """,
    )
    assert outcome.one(Raised).error == "KeyError"
    nemesis = next(t for t in outcome.snapshot().threads if t.name == "nemesis disturb")
    assert nemesis.head >= 3
    assert nemesis.operations == 0


def test_a_nemesis_that_raises_is_an_error(tmp_path: Path) -> None:
    """What a nemesis raises is reported under its name."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None

        @story.nemesis(every=0.001)
        def disturb(state, rng):
            1 / 0
        """,
    )
    raised = outcome.one(Raised)
    assert (raised.error, raised.thread, raised.doing) == ("ZeroDivisionError", "nemesis disturb", "disturb")


def test_an_invariant_is_looked_at_while_operations_run(tmp_path: Path) -> None:
    """An invariant that an operation breaks is a violation of that phase, at the invariant's definition."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60)
        def story(target, rng):
            yield []

        @story.operation(threads=1)
        def spoil(state, rng):
            state.append(1)

        @story.invariant("the list stays empty", every=0.001)
        def empty(state):
            return not state
        """,
    )
    broken = outcome.one(PromiseBroken)
    assert (broken.promise, broken.phase) == ("the list stays empty", Phase.OPERATIONS)
    assert (broken.thread, broken.doing) == ("invariant-0", "the list stays empty")
    assert [frame.function for frame in broken.frames] == ["empty"]


def test_a_scenario_with_invariants_alone_lasts_its_time(tmp_path: Path) -> None:
    """Without operations the invariants still watch what set-up started, until the time is up."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=0.05)
        def story(target, rng):
            yield None

        @story.invariant("all is well", every=0.001)
        def well(state):
            return True
        """,
    )
    assert outcome.last_words().reason == "count"
    assert outcome.snapshot().threads[1].head > 1


def test_more_threads_than_slots_still_run(tmp_path: Path) -> None:
    """With more threads than the flight file holds, all work and what they saw counts."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield None

        met = story.sometimes("it worked")

        @story.operation(threads=120)
        def work(state, rng):
            with soak.doing("inside"):
                soak.beat()
                met()
                print("worked")
        """,
    )
    assert outcome.text("stdout").count("worked\n") == 120
    assert outcome.last_words().reason == "count"
    assert len(outcome.snapshot().threads) == 96
    assert outcome.of(Beat)[-1].sometimes["it worked"] >= 95
