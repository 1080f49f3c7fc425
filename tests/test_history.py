"""Recording: threads, forked processes, replies that nobody knows, and what a kill leaves."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import soak
from soak import history as history_module
from soak.history import UNKNOWN, History, name_process
from soak.linearize import Decided, decide
from soak.models import DONE, register


@pytest.fixture
def box(tmp_path: Path) -> History:
    history = History(register(), name="the box/1")
    history.begin(tmp_path)
    return history


def fork(work: Callable[[], None]) -> int:
    """A process that does ``work`` and exits; its exit status."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def put(history: History, value: object, key: str = "k") -> None:
    with history.call(key, "set", value) as call:
        call.reply = DONE


def test_a_call_is_recorded_with_who_made_it_and_when(box: History) -> None:
    """Caller, key, question, answer, and a beginning before its end."""
    thread = threading.Thread(target=put, args=(box, 1), name="writer")
    thread.start()
    thread.join()
    put(box, 2, key="other")
    first, second = box.calls()
    assert (first.who, first.key, first.operation, first.argument, first.reply) == (
        "writer",
        "k",
        "set",
        1,
        DONE,
    )
    assert first.ended is not None
    assert first.began <= first.ended <= second.began
    assert (second.who, second.key) == (threading.current_thread().name, "other")


def test_a_call_that_raises_is_pending_unless_its_reply_was_set(box: History) -> None:
    """Nobody knows what a call did that raised; but a reply that came before counts."""
    with pytest.raises(ValueError, match="no"), box.call("k", "set", 1):
        raise ValueError("no")
    with pytest.raises(ValueError, match="late"), box.call("k", "set", 2) as call:
        call.reply = DONE
        raise ValueError("late")
    with box.call("k", "set", 3) as call:
        call.reply = UNKNOWN
    raised, replied, unknown = box.calls()
    assert (raised.reply, raised.ended, unknown.reply, unknown.ended) == (UNKNOWN, None, UNKNOWN, None)
    assert replied.reply == DONE
    assert replied.ended is not None


def test_a_call_under_way_is_pending(box: History) -> None:
    """A thread that is still inside its call has begun it and not ended it."""
    with box.call("k", "get") as call:
        (pending,) = box.calls()
        call.reply = None
    (ended,) = box.calls()
    assert (pending.ended, pending.reply) == (None, UNKNOWN)
    assert pending.began <= ended.began
    assert ended.reply is None
    assert ended.ended is not None


def test_forked_processes_record_on_the_same_clock(box: History) -> None:
    """Their calls stand between those that the parent made before and after, with their names."""

    def work() -> None:
        name_process("writer-0")
        put(box, 2)
        thread = threading.Thread(target=put, args=(box, 3), name="helper")
        thread.start()
        thread.join()

    put(box, 1)
    assert fork(work) == 0
    put(box, 4)
    calls = box.calls()
    assert [call.argument for call in calls] == [1, 2, 3, 4]
    assert [call.who.split()[0] for call in calls[1:3]] == ["writer-0", "writer-0"]
    assert calls[2].who.endswith(" helper")
    assert all(one.ended is not None and one.ended <= two.began for one, two in itertools.pairwise(calls))


def test_a_killed_process_leaves_its_last_call_pending(box: History) -> None:
    """SIGKILL inside a call: what it finished is known, and that it had begun another one."""

    def work() -> None:
        put(box, 1)
        with box.call("k", "set", 2):
            os.kill(os.getpid(), signal.SIGKILL)

    assert fork(work) == -signal.SIGKILL
    done, cut = box.calls()
    assert (done.argument, done.reply) == (1, DONE)
    assert (cut.argument, cut.reply, cut.ended) == (2, UNKNOWN, None)


def test_a_cut_frame_counts_for_nothing(box: History, tmp_path: Path) -> None:
    """The end of a call that a kill cut short in the file leaves that call pending."""
    assert fork(lambda: put(box, 1)) == 0
    (spool,) = tmp_path.glob("*.spool")
    spool.write_bytes(spool.read_bytes()[:-3])
    (call,) = box.calls()
    assert (call.argument, call.reply) == (1, UNKNOWN)


def test_a_fresh_iteration_has_a_fresh_history(box: History, tmp_path: Path) -> None:
    """Nothing of the iteration before is left: neither calls nor files; a straggler's are not heard."""
    put(box, 1)
    assert fork(lambda: put(box, 2)) == 0
    assert len(box.calls()) == 2
    box.forget()
    assert (box.calls(), list(tmp_path.iterdir())) == ([], [])
    assert fork(lambda: put(box, 3)) == 0
    box.begin(tmp_path)
    assert box.calls() == []


def test_a_fork_without_a_folder_is_told(tmp_path: Path) -> None:
    """A history that nobody began for processes says what to do, before the call is made."""
    history, said = History(register(), name="box"), tmp_path / "said"

    def work() -> None:
        try:
            put(history, 1)
        except RuntimeError as error:
            said.write_text(str(error))

    assert fork(work) == 0
    assert "call begin(folder) before the fork" in said.read_text()


def test_what_is_too_much_is_not_kept(box: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm of calls takes bounded memory."""
    monkeypatch.setattr(history_module, "MOST_CALLS", 3)
    for value in range(5):
        put(box, value)
    assert len(box.calls()) == 3


def test_a_history_works_without_a_worker() -> None:
    """In a plain test the handle records, and the search decides."""

    def set_up(target: object, rng: object) -> object:
        yield

    story = soak.scenario(seconds=1.0, name="story")(set_up)  # type: ignore[arg-type]
    box = story.history(register(), name="box")
    put(box, 1)
    with box.call("k", "get") as call:
        call.reply = 2
    outcome = decide(box.model, box.calls())
    assert isinstance(outcome, Decided)
    assert not outcome.linearizable
    assert box.promise == "the history of box is linearizable"
    assert story.freeze().sometimes == ("the history of box was decided",)
