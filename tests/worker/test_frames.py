"""Stacks and texts of bounded length."""

from __future__ import annotations

import sys
import threading

import pytest

from soak.events import Frame
from soak.worker import frames


class Hostile(Exception):
    """An exception that cannot even be printed."""

    def __str__(self) -> str:
        raise ValueError("no words")


def raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def deep(n: int) -> tuple[Frame, ...]:
    return deep(n - 1) if n else frames.of_stack(sys._getframe())


def test_a_stack_is_innermost_first_and_bounded() -> None:
    """The function that stands at the end of the call comes first, of so many at most."""
    stack = deep(100)
    assert len(stack) == frames.MOST_FRAMES
    assert {frame.function for frame in stack} == {"deep"}
    assert stack[0].file == __file__


def test_soaks_own_and_threadings_frames_are_left_out() -> None:
    """The stack of a thread ends in its target; the worker's frames are no evidence."""
    seen: list[tuple[Frame, ...]] = []
    thread = threading.Thread(target=lambda: seen.append(frames.of_stack(sys._getframe())))
    thread.start()
    thread.join()
    assert len(seen[0]) == 1
    assert frames.is_own(frames.__file__)


def test_a_traceback_is_innermost_first() -> None:
    """The line that raised comes first."""

    def inner() -> None:
        raise KeyError(1)

    def outer() -> None:
        inner()

    with pytest.raises(KeyError) as caught:
        outer()
    names = [frame.function.rpartition(".")[2] for frame in frames.of_traceback(caught.value.__traceback__)]
    assert names[:2] == ["inner", "outer"]


def test_a_callable_without_code_has_no_frame() -> None:
    """A check that is a builtin or an object has no place to point to."""
    assert frames.of_callable(len) == ()
    assert frames.of_callable(deep)[0].function == "deep"


def test_hostile_exceptions_are_told_all_the_same() -> None:
    """An exception whose text cannot be had is still named."""
    error = raised(Hostile())
    assert frames.error_name(error).endswith("test_frames.Hostile")
    assert frames.error_name(KeyError()) == "KeyError"
    assert "its __str__ raised ValueError" in frames.error_message(error)
    assert "Hostile" in frames.error_text(error)


def test_texts_are_bounded() -> None:
    """A message of a megabyte does not fill the stream."""
    error = raised(ValueError("x" * 1_000_000))
    assert len(frames.error_message(error)) == frames.MOST_MESSAGE
    assert len(frames.error_text(error)) < frames.MOST_TRACEBACK + 100
    assert len(frames.shown(["x" * 300] * 300)) <= frames.MOST_DETAIL
    assert frames.shown(3.5) == "3.5"
