"""Subinterpreters mean the same on every version: what raises, what is refused, what is counted."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from soak.targets import interpreters
from soak.targets.interpreters import Interpreter, InterpreterBusy, ScriptFailed

OWN_GILS = [False, True] if interpreters.OWN_GIL else [False]


@pytest.fixture(params=OWN_GILS, ids=lambda own: "own GIL" if own else "shared GIL")
def interpreter(request: pytest.FixtureRequest) -> Iterator[Interpreter]:
    """An interpreter, which is destroyed after the test unless that has done so."""
    made = interpreters.create(own_gil=request.param)
    count = interpreters.count()
    yield made
    if interpreters.count() == count:
        interpreters.destroy(made)


def test_a_script_runs_in_a_main_module_of_its_own(interpreter: Interpreter) -> None:
    """What one script has defined is there for the next one, and nowhere else."""
    read, write = os.pipe()
    interpreters.execute(interpreter, "answer = 42")
    interpreters.execute(interpreter, f"import os; os.write({write}, str(answer).encode())")
    assert os.read(read, 10) == b"42"
    assert "answer" not in globals()


def test_an_empty_script_does_nothing(interpreter: Interpreter) -> None:
    """Python 3.13 refuses one; the next one runs."""
    interpreters.execute(interpreter, "")
    read, write = os.pipe()
    interpreters.execute(interpreter, f"import os; os.write({write}, b'next')")
    assert os.read(read, 10) == b"next"


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        ("raise ValueError('two\\nlines')", "ValueError", "two\nlines"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("class Own(Exception): pass\nraise Own()", "Own", ""),
    ],
)
def test_an_exception_comes_out_by_name(interpreter: Interpreter, script: str, kind: str, said: str) -> None:
    """Its class and its message, in the same words on every version; the interpreter works on."""
    with pytest.raises(ScriptFailed) as failed:
        interpreters.execute(interpreter, script)
    assert (failed.value.kind, failed.value.said) == (kind, said)
    interpreters.execute(interpreter, "pass")


def test_a_running_interpreter_is_not_destroyed(interpreter: Interpreter) -> None:
    """It says that it is busy, and runs on."""
    (there, arrived), (gate, opened) = os.pipe(), os.pipe()
    script = f"import os\nos.write({arrived}, b'.')\nos.read({gate}, 1)"
    driver = threading.Thread(target=interpreters.execute, args=(interpreter, script))
    driver.start()
    os.read(there, 1)
    assert interpreters.is_running(interpreter)
    with pytest.raises(InterpreterBusy):
        interpreters.destroy(interpreter)
    os.write(opened, b".")
    driver.join()
    assert not interpreters.is_running(interpreter)


def test_an_interpreter_is_gone_once_it_is_destroyed(interpreter: Interpreter) -> None:
    """It is counted no more, runs nothing, and cannot be destroyed again."""
    count = interpreters.count()
    interpreters.destroy(interpreter)
    assert interpreters.count() == count - 1
    assert not interpreters.is_running(interpreter)
    with pytest.raises(InterpreterBusy):
        interpreters.execute(interpreter, "pass")
    with pytest.raises(InterpreterBusy):
        interpreters.destroy(interpreter)


@pytest.mark.skipif(interpreters.OWN_GIL, reason="from Python 3.12 on there is one")
def test_a_gil_of_its_own_is_refused_where_there_is_none() -> None:
    """Up to Python 3.11 all interpreters share one, and that is said."""
    with pytest.raises(ValueError, match=r"3\.12"):
        interpreters.create(own_gil=True)
