"""Where a hang stands: the same by the stacks from outside and by the dump from inside."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from soak.events import Phase
from soak.flight import MAIN, SCENARIO, Snapshot, ThreadState
from soak.supervisor import native
from soak.supervisor.halted import Stand, stand
from soak.supervisor.watch import Suspicion

HANGS = Path(__file__).parent / "hangs"
NOW = 100.0


def golden(name: str) -> tuple[list[ThreadState], str]:
    """The threads of a real hang, as a flight file has them after 10 s, and the text of its stacks."""
    head, _, text = (HANGS / f"{name}.txt").read_text().partition("---\n")
    states = []
    for line in head.splitlines():
        thread, native_id, ident = line.split()
        states.append(
            ThreadState(
                name=thread,
                kind=MAIN if thread == "MainThread" else SCENARIO,
                native_id=int(native_id),
                ident=int(ident),
                doing=thread.partition("-")[0],
                since=NOW - 10.0,
                beat_at=0.0,
                beats=0,
                operations=0,
                head=0,
                ring=(),
            )
        )
    return states, text.replace("@HERE@", str(HANGS))


def looked(how: str, version: str, *, suspect: str, hog: str = "") -> Stand:
    """Where the golden hang stands if ``suspect`` was noticed first."""
    states, text = golden(f"{how}-{version}")
    threads = {state.name: state for state in states}
    hogs = {"starved": True, "hog": hog, "hog_native_id": threads[hog].native_id} if hog else {}
    suspicion = suspect_thread(threads[suspect], **hogs)
    stacks, dump = (native.parse(text), "") if how == "outside" else ((), text)
    return stand(suspicion, _snapshot(states), NOW, stacks, dump)


def suspect_thread(state: ThreadState, **changes: Any) -> Suspicion:
    """A thread that made no progress for 10 s."""
    suspicion = Suspicion(
        thread=state.name,
        native_id=state.native_id,
        doing=state.doing,
        phase=Phase.OPERATIONS,
        seconds=10.0,
        starved=False,
        hog="",
        hog_native_id=0,
        others=(),
    )
    return dataclasses.replace(suspicion, **changes)


def _snapshot(states: list[ThreadState]) -> Snapshot:
    return Snapshot(
        phase=Phase.OPERATIONS,
        phase_since=1.0,
        phase_limit=60.0,
        iteration=0,
        iterations=0,
        operations=0,
        accepted=0,
        refused=0,
        marks=(),
        threads=tuple(states),
    )


@pytest.mark.parametrize("suspect", ["remove", "look-0", "look-1"])
@pytest.mark.parametrize("version", ["3.11", "3.13"])
@pytest.mark.parametrize("how", ["outside", "inside"])
def test_real_stacks_name_the_holder(how: str, version: str, suspect: str) -> None:
    """Whoever was noticed first, and wherever the stacks are from: the thread that holds the lock."""
    (blocked,) = looked(how, version, suspect=suspect).blocked
    assert (blocked.thread, blocked.doing, blocked.holds) == ("remove", "remove", ("lock",))
    assert [frame.function.rsplit(".", 1)[-1] for frame in blocked.frames] == ["_drain", "remove"]


@pytest.mark.parametrize("version", ["3.11", "3.13"])
@pytest.mark.parametrize("how", ["outside", "inside"])
def test_the_suspect_has_its_own_frames(how: str, version: str) -> None:
    """Beside the knot, what the noticed thread stands in is known either way."""
    frames = looked(how, version, suspect="look-1").frames
    assert [frame.function for frame in frames if frame.file.endswith("arm.py")] == ["look"]


def test_a_dump_takes_the_place_of_stacks_without_the_suspect() -> None:
    """pystack knows no subinterpreters: it answers, and the stuck thread is not in its answer."""
    states, dump = golden("inside-3.11")
    _, text = golden("outside-3.11")
    others = [stack for stack in native.parse(text) if stack.native_id not in {s.native_id for s in states}]
    found = stand(suspect_thread(states[1]), _snapshot(states), NOW, others, dump)
    assert [blocked.thread for blocked in found.blocked] == ["remove"]
    assert found.frames


def test_without_any_stack_nothing_is_said() -> None:
    """No right to look, and a dump that died: the hang is told all the same, by its operation."""
    states, _ = golden("inside-3.11")
    assert stand(suspect_thread(states[1]), _snapshot(states), NOW, (), "") == Stand()


def test_a_starvation_has_the_frames_of_its_hog_alone() -> None:
    """Nobody waits for a lock there: the hog's stack explains it."""
    found = looked("outside", "3.11", suspect="look-0", hog="remove")
    assert found.blocked == ()
    assert "_drain" in [frame.function.rsplit(".", 1)[-1] for frame in found.frames]


def test_a_thread_that_got_on_is_not_stuck() -> None:
    """Without a stuck thread that wants the lock, its holder is no knot of this hang."""
    states, text = golden("outside-3.11")
    states = [
        state if state.name == "MainThread" else dataclasses.replace(state, since=NOW - 1.0)
        for state in states
    ]
    suspicion = suspect_thread(states[-1], phase=Phase.TEARDOWN)
    assert stand(suspicion, _snapshot(states), NOW, native.parse(text), "").blocked == ()


def test_a_holder_that_got_on_is_no_knot() -> None:
    """A thread with progress of late gives its lock back; the lock that nobody else holds is the name."""
    states, text = golden("outside-3.11")
    states = [
        dataclasses.replace(state, beat_at=NOW - 0.1) if state.name == "remove" else state for state in states
    ]
    found = stand(suspect_thread(states[1]), _snapshot(states), NOW, native.parse(text), "")
    (blocked,) = found.blocked
    assert (blocked.holds, blocked.waits) == ((), ("lock",))
