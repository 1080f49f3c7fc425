"""Histories in real workers: judged at rest, told once, with the file that shows it."""

from __future__ import annotations

from pathlib import Path

from soak.events import Note, Phase, PromiseBroken, Raised
from tests.worker.harness import soak_story

#: A box whose reads are as `READ` says, a thread that sets it and others that read it once that is over: were
#: they to race, a read of what was there before could always come first.
BOX = """
    import threading
    from soak import models

    @soak.scenario(seconds=60, rounds=20)
    def story(target, rng):
        yield {"now": 0, "before": 0, "over": threading.Event()}

    box = story.history(models.register(0), name="box", seconds=SECONDS)

    @story.operation(threads=1)
    def put(state, rng):
        with box.call("k", "set", state["now"] + 1) as call:
            state["before"], state["now"] = state["now"], state["now"] + 1
            call.reply = models.DONE
        if state["now"] == 20:
            state["over"].set()

    @story.operation(threads=2)
    def get(state, rng):
        state["over"].wait(30)
        with box.call("k", "get") as call:
            call.reply = state[READ]
"""


def box(read: str, seconds: float = 5.0) -> str:
    return BOX.replace("READ", repr(read)).replace("SECONDS", repr(seconds))


def test_a_linearizable_history_is_decided_in_every_iteration(tmp_path: Path) -> None:
    """Nothing is found, and that histories were decided is counted."""
    outcome = soak_story(tmp_path, box("now"), count=3)
    assert outcome.last_words().reason == "count"
    assert outcome.snapshot().marks[0] == 3
    assert not outcome.of(PromiseBroken)
    assert not list(outcome.folder.glob("*.spool"))


def test_one_that_no_order_explains_is_a_violation_with_its_picture(tmp_path: Path) -> None:
    """The promise names the history, the details the calls, and a file shows them side by side."""
    outcome = soak_story(tmp_path, box("before"))
    broken = outcome.one(PromiseBroken)
    assert (broken.promise, broken.phase) == ("the history of box is linearizable", Phase.CHECKS)
    assert broken.details["file"] == "'history-box.txt'"
    assert "get → " in broken.details["calls"]
    text = outcome.text("history-box.txt")
    assert text.startswith("The history of box is not linearizable: 'k', ")
    assert "← ?" in text
    assert outcome.last_words().reason == "finding"


def test_one_that_is_not_decided_is_told_and_is_no_finding(tmp_path: Path) -> None:
    """Without time to decide there is a note at the first, the second and the fourth time, and no mark."""
    outcome = soak_story(tmp_path, box("before", seconds=0.0), count=5)
    assert [note.text.partition(" could")[0] for note in outcome.of(Note)] == [
        "1 of 1 histories of box",
        "2 of 2 histories of box",
        "4 of 4 histories of box",
    ]
    assert outcome.of(Note)[0].text.endswith("it took more than 0 s")
    assert not outcome.of(PromiseBroken)
    assert outcome.snapshot().marks[0] == 0


def test_processes_are_judged_with_the_threads(tmp_path: Path) -> None:
    """Two processes that are both let in are found, each with a column of its own."""
    outcome = soak_story(
        tmp_path,
        """
        from soak import models

        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield None

        turns = story.history(models.claims(), name="turns")

        @story.operation(processes=2)
        def claim(state, rng):
            with turns.call("task", "claim", id(rng)) as call:
                call.reply = models.DONE
        """,
    )
    broken = outcome.one(PromiseBroken)
    assert broken.promise == "the history of turns is linearizable"
    text = outcome.text("history-turns.txt")
    assert "No order explains these 2 calls" in text
    assert "claim-p0 " in text
    assert "claim-p1 " in text


def test_a_model_that_raises_is_an_error(tmp_path: Path) -> None:
    """An operation that the model does not know is told as what it is, at the first try."""
    outcome = soak_story(
        tmp_path,
        """
        from soak import models

        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield None

        box = story.history(models.register(), name="box")

        @story.operation(threads=1)
        def shake(state, rng):
            with box.call("k", "shake") as call:
                call.reply = models.DONE
        """,
    )
    raised = outcome.one(Raised)
    assert raised.doing == "the history of box is linearizable"
    assert "the model has no operation 'shake'; expected one of get, set" in raised.message
