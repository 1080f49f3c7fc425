"""Broken promises and errors, as a real worker reports them."""

from __future__ import annotations

from pathlib import Path

from soak.events import Beat, Phase, PromiseBroken, Raised
from soak.worker.frames import MOST_DETAIL
from soak.worker.witness import MOST_FINDINGS
from tests.worker.harness import soak_story


def test_a_broken_promise_carries_its_evidence(tmp_path: Path) -> None:
    """A violation names thread, operation and frames, cuts its details, and keeps the ring of that moment."""
    outcome = soak_story(
        tmp_path,
        """
        class Sim:
            def move(self, n):
                with soak.doing("move"):
                    return soak.always(n < 3, "moves are few", n=n, long="x" * 1000, odd=Odd())

        class Odd:
            def __repr__(self):
                raise RuntimeError("no repr")

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield iter(range(100))

        @story.operation(threads=1)
        def work(state, rng):
            assert Sim().move(next(state)) in (True, False)
        """,
    )
    broken = outcome.one(PromiseBroken)
    assert (broken.promise, broken.thread, broken.doing) == ("moves are few", "work-0", "move")
    assert (broken.phase, broken.iteration, broken.worker) == (Phase.OPERATIONS, 0, 7)
    assert [frame.function for frame in broken.frames] == ["Sim.move", "work"]
    assert broken.details["n"] == "3"
    assert len(broken.details["long"]) <= MOST_DETAIL
    assert "Odd instance" in broken.details["odd"]
    thread = outcome.snapshot(broken.ring).threads[1]
    assert [entry.label for entry in thread.ring] == ["move", "work"] * 3
    assert thread.doing == "move"


def test_a_promise_is_told_once_per_iteration(tmp_path: Path) -> None:
    """A promise that four threads break is one event."""
    outcome = soak_story(
        tmp_path,
        """
        import threading

        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield threading.Barrier(4)

        @story.operation(threads=4)
        def work(state, rng):
            state.wait()
            soak.always(False, "all is well")
        """,
    )
    assert outcome.one(PromiseBroken).promise == "all is well"


def test_what_a_finding_brings_about_is_text_and_no_finding(tmp_path: Path) -> None:
    """A promise broken while an iteration with a finding winds down is kept in stderr alone."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None
            soak.always(False, "it closes well", why="broken")

        @story.operation(threads=1)
        def work(state, rng):
            soak.always(False, "it works")
        """,
    )
    assert outcome.one(PromiseBroken).promise == "it works"
    assert "main also found broken: it closes well (why='broken')" in outcome.text("stderr")


def test_a_promise_with_a_number_in_it_does_not_flood(tmp_path: Path) -> None:
    """Of a promise that is never the same twice, only so many are told."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=0)
        def story(target, rng):
            yield None

        @story.check("all numbers are right")
        def right(state):
            return all([soak.always(False, f"{number} is right") for number in range(1000)])
        """,
    )
    assert len(outcome.of(PromiseBroken)) == MOST_FINDINGS
    assert len(list(outcome.folder.glob("ring-*"))) == MOST_FINDINGS


def test_the_targets_own_threads_may_speak(tmp_path: Path) -> None:
    """A thread that the target started gets a slot, may break a promise, and ends the iteration."""
    outcome = soak_story(
        tmp_path,
        """
        import threading

        @soak.scenario(seconds=3600)
        def story(target, rng):
            go = threading.Event()
            thread = threading.Thread(target=policy, args=(go,), name="policy-arm")
            thread.start()
            yield go
            thread.join()

        met = story.sometimes("the policy ran")

        def policy(go):
            go.wait()
            met()
            with soak.doing("step"):
                soak.beat()
                soak.always(False, "steps are good")

        @story.operation(threads=1)
        def work(state, rng):
            state.set()
        """,
    )
    broken = outcome.one(PromiseBroken)
    assert (broken.thread, broken.doing) == ("policy-arm", "step")
    assert [frame.function for frame in broken.frames] == ["policy"]
    assert outcome.last_words().reason == "finding"
    policy = next(t for t in outcome.snapshot().threads if t.name == "policy-arm")
    assert policy.beats == 1
    assert outcome.of(Beat)[-1].sometimes == {"the policy ran": 1}


def test_an_exception_that_ends_a_target_thread_is_an_error(tmp_path: Path) -> None:
    """What nobody catches in a target's thread is reported, and Python's own words are kept in stderr."""
    outcome = soak_story(
        tmp_path,
        """
        import threading

        @soak.scenario(seconds=3600)
        def story(target, rng):
            yield None

        def fall():
            raise LookupError("fell")

        @story.operation(threads=1)
        def work(state, rng):
            thread = threading.Thread(target=fall, name="faller")
            thread.start()
            thread.join()
        """,
    )
    raised = outcome.of(Raised)[0]
    assert (raised.error, raised.message, raised.thread) == ("LookupError", "fell", "faller")
    assert "LookupError: fell" in outcome.text("stderr")


def test_a_promise_broken_in_a_forked_process_is_told(tmp_path: Path) -> None:
    """A process that the target forks reports under its own name and leaves the parent's counters alone."""
    outcome = soak_story(
        tmp_path,
        """
        import os

        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield None

        @story.operation(threads=1)
        def work(state, rng):
            pid = os.fork()
            if not pid:
                with soak.doing("child's work"):
                    soak.always(False, "the child is well")
                os._exit(0)
            os.waitpid(pid, 0)
        """,
    )
    broken = outcome.one(PromiseBroken)
    assert broken.promise == "the child is well"
    assert broken.thread.startswith("process ")
    assert outcome.snapshot().operations == 1
    assert outcome.snapshot().threads[1].head == 1


def test_inside_an_operation_nested_work_shows_how_it_ended(tmp_path: Path) -> None:
    """What `doing` named is filed as raised when an exception left through it."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield None

        @story.operation(threads=1, expects=(KeyError,))
        def work(state, rng):
            with soak.doing("fine"):
                pass
            with soak.doing("failing"):
                raise KeyError
        """,
    )
    ring = outcome.snapshot().threads[1].ring
    assert [(entry.label, entry.outcome) for entry in ring] == [
        ("fine", "done"),
        ("failing", "raised"),
        ("work", "refused"),
    ]


def test_the_promises_of_a_guarantee_say_so(tmp_path: Path) -> None:
    """From an operation, an invariant and a check alike; each of them is told, and the plain one is plain."""
    outcome = soak_story(
        tmp_path,
        """
        whole = soak.guarantee("it stays whole")

        @soak.scenario(seconds=0)
        def story(target, rng):
            yield None

        @story.check(whole.promise("it is in one piece"))
        def one_piece(state):
            return False

        @story.check("it is blue")
        def blue(state):
            return soak.always(False, whole.promise("it has no crack"))

        @story.check("it is round")
        def round_(state):
            return False
        """,
    )
    assert [(event.guarantee, event.promise) for event in outcome.of(PromiseBroken)] == [
        ("it stays whole", "it is in one piece"),
        ("it stays whole", "it has no crack"),
        ("", "it is round"),
    ]


def test_an_invariant_may_be_a_guarantees_promise(tmp_path: Path) -> None:
    """It is looked at while operations run, and broken as what it is a part of."""
    outcome = soak_story(
        tmp_path,
        """
        import time

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None

        @story.operation(threads=1)
        def work(state, rng):
            time.sleep(0.001)

        @story.invariant(soak.guarantee("it stays whole").promise("it has no crack"))
        def no_crack(state):
            return False
        """,
    )
    broken = outcome.one(PromiseBroken)
    assert (broken.guarantee, broken.promise) == ("it stays whole", "it has no crack")
