"""A little native library, in Python: what it does to its objects takes no step that a schedule could see."""

from __future__ import annotations

import threading
from collections.abc import Sequence


class Store:
    """What the library's functions work on."""

    def __init__(self) -> None:
        self.freed = False


def step(model: object, data: Store, times: int = 1) -> int:
    """Reads the model, writes the data."""
    assert not data.freed
    return times


def free(data: Store) -> None:
    """Writes the data."""
    data.freed = True


def look(data: Store) -> bool:
    """Reads the data."""
    return data.freed


class Book:
    """Has a method of its own."""

    def write(self, text: str) -> str:
        return text


def documented() -> None: ...


documented.__doc__ = 'documented(m: a._b.Model, d: X[f, "[m, 1]"] | None, n: T.A | T.B = 1) -> None\n\nSteps.'


#: A builtin that tells nothing of its parameters.
silent = min


def together(*works: Sequence[object]) -> None:
    """Run each function of ``works`` with its arguments, each in a thread of its own."""
    threads = [threading.Thread(target=work[0], args=tuple(work[1:])) for work in works]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
