"""How operations are told to stop: threads by an event, processes by words that they share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from soak.worker.stop import Board, Stop


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board(3)
    yield board
    board.close()


def in_child(work: Callable[[], object]) -> None:
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    os.waitpid(pid, 0)


def test_what_a_child_sets_its_parent_sees(board: Board) -> None:
    """A finding in one process is a stop for all; a deadline of the parent's is the child's."""
    board.deadline = 12.5
    assert (board.now, board.found, board.all_ready) == (False, False, False)

    def find() -> None:
        if board.deadline == 12.5:
            board.set_found()

    in_child(find)
    assert (board.now, board.found) == (True, True)
    assert board.wait(600.0)


def test_places_are_told_apart(board: Board) -> None:
    """Each process says for itself that it stands ready and that it has finished, and who it is."""
    for place in range(3):
        assert not board.all_ready
        in_child(lambda place=place: board.stand_ready(place))  # type: ignore[misc]
    assert board.all_ready
    in_child(lambda: board.finish(1))
    assert [board.finished(place) for place in range(3)] == [False, True, False]
    board.settle(2, 4711)
    assert [board.pid(place) for place in range(3)] == [0, 0, 4711]


def test_the_first_death_is_kept(board: Board) -> None:
    """Place and wait status of the first one, status 0 included; a death stops all."""
    deaths = [board.death]
    for place, status in ((2, 0), (0, 11)):
        board.tell_death(place, status)
        deaths.append(board.death)
    assert deaths == [None, (2, 0), (2, 0)]
    assert board.now


def test_a_promise_is_told_once(board: Board) -> None:
    """What one process has told, others need not; when there is no room left, all do."""
    board.tell("all is well")
    in_child(lambda: board.tell("it ends"))
    assert board.is_told("all is well")
    assert board.is_told("it ends")
    for number in range(40):
        assert not board.is_told(f"promise {number}")
        board.tell(f"promise {number}")
    assert not board.is_told("promise 39")


def test_threads_stop_at_once() -> None:
    """A finding stops them; there is one process, which keeps by itself what it has told."""
    stop = Stop()
    assert not stop.wait(0.0)
    stop.set_found()
    assert (stop.now, stop.found, stop.wait(600.0)) == (True, True, True)
    stop.tell("x")
    assert not stop.is_told("x")
