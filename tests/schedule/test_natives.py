"""Native calls have an inside: a conflicting entry is found, whatever the real call's length."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator

import pytest

import soak
from soak.schedule import Overlap
from soak.schedule.natives import _documented
from soak.stretch import stretch_by
from tests.schedule import natives
from tests.schedule.natives import Book, Store, together


@pytest.fixture(autouse=True)
def library() -> Iterator[None]:
    """The little library's functions, with what they read and write."""
    undo = [
        soak.native(natives, "step", reads=["model"], writes=["data"]),
        soak.native(natives, "free", writes=["data"]),
        soak.native(natives, "look", reads=["data"]),
        soak.native(Book, "write", writes=["self"]),
    ]
    yield
    for one in reversed(undo):
        one()


def step_and_free() -> None:
    """Steps and frees one store, unguarded. Wrapped calls are looked up when they are made."""
    store = Store()
    together(
        (lambda: quietly(lambda: natives.step("model", store, times=3)),), (lambda: free_quietly(store),)
    )


def free_quietly(store: Store) -> None:
    quietly(lambda: natives.free(store))


def quietly(call: Callable[[], object]) -> None:
    """A target that swallows what it can, and goes on after a step of what is freed."""
    with contextlib.suppress(Exception):
        call()


def step_and_free_in_turn() -> None:
    """The same under a lock, so that a freed store is never stepped."""
    store, lock = Store(), threading.Lock()

    def step() -> None:
        with lock:
            if not store.freed:
                natives.step("model", data=store)

    def free() -> None:
        with lock:
            natives.free(store)

    together((step,), (free,))


def look_twice() -> None:
    """Two readers of one store, two steps of one model."""
    store = Store()
    together((lambda: natives.look(store),), (lambda: natives.look(store),))
    together(*[(lambda: natives.step("model", Store()),)] * 2)


def write_a_book_twice() -> None:
    """A method's object is an object, too."""
    book = Book()
    together((lambda: book.write("a"),), (lambda: book.write("b"),))


def test_a_conflicting_entry_is_found_and_replays() -> None:
    """Within ten schedules, though the target swallows exceptions; the words say who was where."""
    result = soak.race(step_and_free)
    assert result.found, str(result)
    assert result.first is not None and result.first <= 10
    assert isinstance(result.error, Overlap)
    assert "data (Store)" in result.words and "step" in result.words and "free" in result.words
    assert result.token is not None
    again = soak.replay(step_and_free, result.token)
    assert again.found and again.exact and again.words == result.words


def test_a_method_of_a_class_is_wrapped_alike() -> None:
    """`self` is a parameter like any other."""
    result = soak.race(write_a_book_twice)
    assert "self (Book)" in result.words


@pytest.mark.parametrize("harmless", [step_and_free_in_turn, look_twice])
def test_no_alarm_where_nothing_conflicts(harmless: Callable[[], None]) -> None:
    """A lock around both, or readers only: 300 schedules, no finding."""
    result = soak.race(harmless, schedules=300)
    assert not result.found, str(result)
    assert (result.unproven, result.stalled, result.endless) == (None, None, 0)


def test_a_call_that_can_be_stretched_is_while_noise_wants_it() -> None:
    """By position, name or default; within schedules, and without noise, it does what it was asked to."""
    undo = soak.native(natives, "step", reads=["model"], writes=["data"], stretch="times")
    try:
        stretch_by(lambda: 7)
        store = Store()
        assert natives.step("model", store, 2) == 14
        assert natives.step("model", store, times=3) == 21
        assert natives.step("model", store) == 7
        inside: list[int] = []
        soak.race(lambda: inside.append(natives.step("model", Store())), schedules=1)
        assert set(inside) == {1}
        stretch_by(None)
        assert natives.step("model", store, 2) == 2
        with pytest.raises(ValueError, match="has no parameter nstep"):
            soak.native(natives, "step", stretch="nstep")
    finally:
        stretch_by(None)
        undo()


def test_what_is_said_of_a_call_twice_counts_once() -> None:
    """A call has one inside: the schedules are those of before."""
    before = soak.race(step_and_free)
    undo = soak.native(natives, "free", writes=["data"])
    try:
        assert soak.race(step_and_free).token == before.token
    finally:
        undo()
    assert soak.race(step_and_free).token == before.token


def test_somebody_else_s_wrapper_is_not_stepped_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may look like the one below it: it is called."""
    looks: list[object] = []
    below = natives.look

    @functools.wraps(below)
    def look(data: Store) -> bool:
        looks.append(data)
        return below(data)

    monkeypatch.setattr(natives, "look", look)
    undo = soak.native(natives, "look", reads=["data"])
    natives.look(Store())
    undo()
    assert len(looks) == 1


def test_outside_of_schedules_nothing_changes() -> None:
    """Arguments and result go through, and taking the wrapper away gives the function itself back."""
    assert natives.step("model", Store(), times=7) == 7
    undo = soak.native(natives, "documented", reads=["m"], parameters=("m",))
    wrapper = natives.documented
    undo()
    assert natives.documented is not wrapper


def test_parameters_come_from_the_docstring() -> None:
    """The first line as pybind11 writes it, with types that hold commas and brackets."""
    assert _documented(natives.documented.__doc__ or "") == ("m", "d", "n")


def test_unknown_parameter_is_named() -> None:
    """A parameter that the function does not have is told, with those that it has."""
    with pytest.raises(ValueError, match=r"no parameter spelling; it has model, data, times"):
        soak.native(natives, "step", reads=["spelling"])


def test_function_without_parameters_must_tell_them() -> None:
    """A builtin that tells nothing needs `parameters`."""
    with pytest.raises(ValueError, match=r"does not tell its parameters"):
        soak.native(natives, "silent", reads=["x"])
