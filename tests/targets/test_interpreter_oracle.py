"""The oracle says who was inside an interpreter, and lets no call through that would break it."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from soak.targets import interpreters
from soak.targets.interpreter_oracle import DRIVER_GONE, ONCE, ONE_DRIVER, InterpreterOracle
from soak.targets.interpreters import Interpreter


def made_by_a_thread(oracle: InterpreterOracle) -> Interpreter:
    """An interpreter whose driver has ended."""
    made: Future[Interpreter] = Future()
    driver = threading.Thread(target=lambda: made.set_result(oracle.create(own_gil=False)))
    driver.start()
    driver.join()
    return made.result()


def test_a_driver_that_ended_is_no_obstacle() -> None:
    """The interpreter is destroyed."""
    oracle, before = InterpreterOracle(), interpreters.count()
    oracle.destroy(made_by_a_thread(oracle))
    assert interpreters.count() == before


def test_a_second_destroy_is_told() -> None:
    """It would raise in CPython, or hit another one of the same number."""
    oracle = InterpreterOracle()
    interpreter = made_by_a_thread(oracle)
    oracle.destroy(interpreter)
    with pytest.raises(AssertionError, match=ONCE):
        oracle.destroy(interpreter)


def test_a_driver_that_lives_is_told() -> None:
    """Even one that is idle; the interpreter is still there then."""
    oracle = InterpreterOracle()
    with ThreadPoolExecutor(1) as pool:
        interpreter = pool.submit(oracle.create, own_gil=False).result()
        with pytest.raises(AssertionError, match=DRIVER_GONE):
            oracle.destroy(interpreter)
    interpreters.destroy(interpreter)


def test_a_second_driver_is_told() -> None:
    """A script from another thread than the one that made the interpreter does not get in."""
    oracle = InterpreterOracle()
    interpreter = made_by_a_thread(oracle)
    with pytest.raises(AssertionError, match=ONE_DRIVER):
        oracle.execute(interpreter, "pass")
    interpreters.destroy(interpreter)


def test_a_driver_of_two_is_told() -> None:
    """A thread that makes a second interpreter while its first one lives."""
    oracle, before = InterpreterOracle(), interpreters.count()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(oracle.create, own_gil=False).result()
        with pytest.raises(AssertionError, match=ONE_DRIVER):
            pool.submit(oracle.create, own_gil=False).result()
    interpreters.destroy(first)
    assert interpreters.count() == before
