"""Set-up, checks and teardown in real workers: what they raise, break and leave out."""

from __future__ import annotations

from pathlib import Path

from soak.events import Phase, PromiseBroken, Raised
from tests.worker.harness import soak_story


def test_an_error_in_set_up_is_a_finding(tmp_path: Path) -> None:
    """What set-up raises is an error of its phase, with the target's frames."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60)
        def story(target, rng):
            make()
            yield None

        def make():
            raise OSError("no such model")
        """,
    )
    raised = outcome.one(Raised)
    assert (raised.phase, raised.thread, raised.doing) == (Phase.SET_UP, "main", "set-up")
    assert [frame.function for frame in raised.frames] == ["make", "story"]
    assert outcome.last_words().reason == "finding"


def test_checks_are_made_at_rest(tmp_path: Path) -> None:
    """A check sees the operations' end; a false one is a violation of the checks' phase."""
    outcome = soak_story(
        tmp_path,
        """
        import threading

        @soak.scenario(seconds=60, rounds=5)
        def story(target, rng):
            yield []

        @story.operation(threads=2)
        def add(state, rng):
            state.append(1)

        @story.check("ten were added, and nobody works any more")
        def ten(state):
            return len(state) == 10 and threading.active_count() == 1

        @story.check("eleven were added")
        def eleven(state):
            return len(state) == 11
        """,
    )
    broken = outcome.one(PromiseBroken)
    assert (broken.promise, broken.phase, broken.thread) == ("eleven were added", Phase.CHECKS, "main")
    assert broken.details == {"returned": "False"}
    assert [frame.function for frame in broken.frames] == ["eleven"]


def test_a_check_may_assert_or_state(tmp_path: Path) -> None:
    """A failed assertion breaks the check's promise; a check that stated its own is not told twice."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=0)
        def story(target, rng):
            yield 3

        @story.check("it is four")
        def four(state):
            assert state == 4, "not four"
            return True

        @story.check("it is five")
        def five(state):
            return soak.always(state == 5, "five it is", state=state)

        @story.check("it can be looked at")
        def look(state):
            return state.missing
        """,
    )
    four, five = outcome.of(PromiseBroken)
    assert (four.promise, four.details) == ("it is four", {"assertion": "'not four'"})
    assert (five.promise, five.details) == ("five it is", {"state": "3"})
    assert outcome.one(Raised).error == "AttributeError"


def test_an_error_in_teardown_is_a_finding(tmp_path: Path) -> None:
    """What teardown raises is an error of its phase."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=0)
        def story(target, rng):
            yield None
            raise RuntimeError("will not close")
        """,
    )
    raised = outcome.one(Raised)
    assert (raised.phase, raised.message) == (Phase.TEARDOWN, "will not close")


def test_after_a_finding_teardown_runs_but_tells_nothing_new(tmp_path: Path) -> None:
    """A broken target that cannot be closed is one finding, and the consequence is text in stderr."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None
            raise RuntimeError("will not close")

        @story.operation(threads=1)
        def work(state, rng):
            soak.always(False, "it works")
        """,
    )
    assert outcome.one(PromiseBroken).promise == "it works"
    assert not outcome.of(Raised)
    assert "will not close" in outcome.text("stderr")


def test_after_a_finding_a_stuck_thread_does_not_hold_the_worker(tmp_path: Path) -> None:
    """A violation that leaves another thread stuck for ever still ends the worker as a finding."""
    outcome = soak_story(
        tmp_path,
        """
        import threading

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield threading.Lock()
            print("torn down")

        @story.operation(threads=1)
        def hold(state, rng):
            state.acquire()
            soak.always(False, "it works")
            state.acquire()
        """,
    )
    assert outcome.last_words().reason == "finding"
    assert outcome.text("stdout") == ""


def test_a_target_reaches_set_up(tmp_path: Path) -> None:
    """The scenario's own target is handed to set-up, and the spec's stands in for it."""
    (tmp_path / "sims.py").write_text("class One: pass\nclass Two: pass\n")
    source = """
        @soak.scenario(seconds=0, target="sims:One")
        def story(target, rng):
            print(target.__name__)
            yield target()
        """
    assert soak_story(tmp_path, source).text("stdout") == "One\n"
    assert soak_story(tmp_path, source, target="sims:Two").text("stdout") == "Two\n"
