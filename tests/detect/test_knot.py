"""A hang is named by those whom the others wait for, whoever was noticed first."""

from __future__ import annotations

import itertools
import textwrap

import pytest

from soak.detect.knot import Halted, knot
from soak.detect.locks import Sources
from soak.events import Blocked, Frame

SOURCE = textwrap.dedent(
    """\
    def remove(arm):
        drain(arm)
    def drain(arm):
        with arm.lock:
            wait(arm)
    def wait(arm):
        arm.gone.wait()
    def look(arm):
        with arm.lock:
            pass
    def list_all(arm):
        with arm.lock:
            pass
    def left(locks):
        with locks.left:
            with locks.right:
                pass
    def right(locks):
        with locks.right:
            with locks.left:
                pass
    def chain(locks):
        with locks.third:
            with locks.left:
                pass
    def ask(locks):
        with locks.third:
            pass
    def spin():
        pass
    """
)


def at(function: str, line: int) -> Frame:
    return Frame(function=function, file="/srv/arm.py", line=line)


WAITS = Frame(function="wait", file="/usr/lib/python3.11/threading.py", line=9)
REMOVE = Halted(
    thread="remove-0",
    doing="remove",
    frames=(WAITS, at("wait", 7), at("drain", 5), at("remove", 2)),
    stuck=True,
)
LOOK = Halted(thread="look-1", doing="look", frames=(at("look", 9),), stuck=True)
LIST = Halted(thread="list-0", doing="list_all", frames=(at("list_all", 12),), stuck=True)
POLICY = Halted(thread="", doing="", frames=(at("look", 9),))
IDLE = Halted(thread="", doing="", frames=(WAITS,))
LEFT = Halted(thread="left-0", doing="left", frames=(at("left", 16),), stuck=True)
RIGHT = Halted(thread="right-0", doing="right", frames=(at("right", 20),), stuck=True)
CHAIN = Halted(thread="chain-0", doing="chain", frames=(at("chain", 24),), stuck=True)
ASK = Halted(thread="ask-0", doing="ask", frames=(at("ask", 27),), stuck=True)
SPIN = Halted(thread="spin-0", doing="spin", frames=(at("spin", 30),), stuck=True)


def knotted(*threads: Halted) -> tuple[Blocked, ...]:
    return knot(threads, Sources(lambda _file: SOURCE))


@pytest.mark.parametrize("threads", list(itertools.permutations((REMOVE, LOOK, LIST, POLICY))))
def test_who_holds_the_lock_is_the_knot(threads: tuple[Halted, ...]) -> None:
    """Of one holder and its victims, in any order, the holder alone; out to where it took the lock."""
    (blocked,) = knotted(*threads, IDLE)
    assert blocked == Blocked(
        thread="remove-0", doing="remove", frames=(at("wait", 7), at("drain", 5)), holds=("lock",)
    )


def test_a_holder_that_is_no_operation_is_found_too() -> None:
    """The target's own thread keeps the lock that an operation waits for."""
    own = Halted(thread="", doing="", frames=REMOVE.frames)
    (blocked,) = knotted(LOOK, own)
    assert blocked.holds == ("lock",)
    assert blocked.frames == (at("wait", 7), at("drain", 5))


@pytest.mark.parametrize("threads", list(itertools.permutations((LEFT, RIGHT, CHAIN, ASK))))
def test_a_cycle_is_the_knot(threads: tuple[Halted, ...]) -> None:
    """Two that wait for each other; who waits for them is none of it, even with a lock that others want."""
    assert [blocked.thread for blocked in knotted(*threads)] == ["left-0", "right-0"]


def test_two_knots_are_told_both() -> None:
    """Nothing says which of two was first."""
    found = knotted(LOOK, LEFT, REMOVE, RIGHT)
    assert {blocked.thread for blocked in found} == {"left-0", "right-0", "remove-0"}


def test_a_lock_without_a_holder_stands_for_itself() -> None:
    """Its holder has ended, or is not to be seen: the first victim tells its name."""
    (blocked,) = knotted(LIST, LOOK)
    assert (blocked.waits, blocked.holds) == (("lock",), ())


def test_without_locks_there_is_no_knot() -> None:
    """A busy loop and a wait for nothing are named by the thread that was noticed."""
    assert knotted(SPIN, IDLE) == ()
    assert knotted(REMOVE, IDLE) == ()
    assert knotted() == ()


def test_two_locks_of_one_name() -> None:
    """Who holds one lock and waits for another one of that name is awaited by those that want the first."""
    inner = Halted(thread="swap-0", doing="swap", frames=(at("look", 9), at("drain", 5)), stuck=True)
    found = knotted(LOOK, inner, POLICY)
    assert [(blocked.thread, blocked.holds, blocked.waits) for blocked in found] == [
        ("swap-0", ("lock",), ("lock",))
    ]
    assert found[0].frames == (at("look", 9), at("drain", 5))


def test_threads_that_work_on_are_no_part_of_it() -> None:
    """Two healthy threads with one lock between them say nothing about a third one's busy loop."""
    holder = Halted(thread="", doing="", frames=REMOVE.frames)
    assert knotted(SPIN, holder, POLICY) == ()


def test_a_lively_thread_is_no_knot() -> None:
    """Who got on a moment ago was looked at in passing, with a lock of the same name in its hands."""
    lively = Halted(thread="step-0", doing="step", frames=REMOVE.frames, lively=True)
    (blocked,) = knotted(LOOK, lively)
    assert (blocked.thread, blocked.holds, blocked.waits) == ("look-1", (), ("lock",))
    (blocked,) = knotted(LOOK, lively, REMOVE)
    assert blocked.thread == "remove-0"


def test_who_keeps_the_gil_in_native_code_is_the_knot() -> None:
    """All others wait for the GIL, so none of them is to blame."""
    native = Frame(function="futex_wait", file="/lib/libc.so.6", native=True)
    keeper = Halted(thread="lock-0", doing="lock_twice", frames=(native, at("spin", 30)), stuck=True)
    waits = Halted(thread="look-1", doing="look", frames=(at("look", 9),), stuck=True, blamed=1)
    (blocked,) = knotted(waits, keeper)
    assert (blocked.thread, blocked.frames) == ("lock-0", keeper.frames)
