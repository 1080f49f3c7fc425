"""Locks are read off the line that a frame stands at."""

from __future__ import annotations

import textwrap

import pytest

from soak.detect.locks import Locks, Sources
from soak.events import Frame

SOURCE = textwrap.dedent(
    """\
    class Engine:
        def step(self):
            with self._lock:
                work()
                with self._data[0], doing("step"), self.spare_lock():
                    more()

        def acquire(self, block):
            if self._lock.acquire(block):
                try:
                    work()
                finally:
                    self._lock.release()

        def idle(self):
            with self._ready:
                self._ready.wait()
                work()

        def outer(self):
            with self._lock:
                def inner():
                    work()
                return inner()

        async def wide(self):
            async with (
                self._first,
                self._second,
            ):
                work()

        def short(self):
            with self._lock: work()

        def inner(self):
            work()
    """
)


def locks(function: str, line: int, source: str = SOURCE, **changes: bool) -> Locks:
    frame = Frame(function=function, file="engine.py", line=line, **changes)
    return Sources(lambda _file: source).locks(frame)


def line_of(text: str, number: int = 1) -> int:
    """The line of the ``number``-th occurrence of ``text``."""
    return [at for at, line in enumerate(SOURCE.splitlines(), 1) if text in line][number - 1]


@pytest.mark.parametrize(
    ("function", "line", "holds", "waits"),
    [
        ("step", line_of("with self._lock:"), "", "_lock"),
        ("step", line_of("work()"), "_lock", ""),
        ("step", line_of("self._data"), "_lock", "_data spare_lock"),
        ("step", line_of("more()"), "_lock _data spare_lock", ""),
        ("acquire", line_of(".acquire("), "", "_lock"),
        ("acquire", line_of("work()", 2), "_lock", ""),
        ("idle", line_of(".wait()"), "", ""),
        ("idle", line_of("work()", 3), "_ready", ""),
        ("Engine.outer.<locals>.inner", line_of("work()", 4), "", ""),
        ("wide", line_of("self._second"), "", "_first _second"),
        ("wide", line_of("work()", 5), "_first _second", ""),
        ("short", line_of("with self._lock: work()"), "", "_lock"),
    ],
)
def test_what_a_line_holds_and_waits_for(function: str, line: int, holds: str, waits: str) -> None:
    """The head of a `with` waits, its body holds; so do `acquire` and what stands before its `release`."""
    assert locks(function, line) == Locks(holds=frozenset(holds.split()), waits=frozenset(waits.split()))


@pytest.mark.parametrize(
    ("source", "line"),
    [("", 4), ("def step(:", 1), ("x = 1\x00", 1), (SOURCE, 0), (SOURCE, 999), ("with lock:\n    pass", 2)],
)
def test_a_source_that_does_not_fit_says_nothing(source: str, line: int) -> None:
    """No source, another one, one of a newer Python, a line outside of the function: no locks."""
    assert locks("step", line, source) == Locks()


def test_a_native_frame_has_no_locks() -> None:
    """Only Python's frames have lines to read."""
    assert locks("step", 4, native=True) == Locks()


def test_a_source_is_read_once() -> None:
    """Every frame of a file is read off one text."""
    read: list[str] = []

    def reading(file: str) -> str:
        read.append(file)
        return SOURCE

    sources = Sources(reading)
    for line in (3, 4, 5):
        sources.locks(Frame(function="step", file="engine.py", line=line))
    assert read == ["engine.py"]
