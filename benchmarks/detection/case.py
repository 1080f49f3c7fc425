"""A small concurrent program: shared state, the threads that race over it, and what must hold.

Standard library only, and nothing of soak: every contender runs the same programs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

Work = Callable[[], object]


class Case:
    """One program. An instance is the fresh state of one execution; locks are made with it.

    In the programs, C's ``x++`` is a line that reads and a line that writes: Python's switches, like a
    processor's, come between the two.
    """

    def threads(self) -> Sequence[Work]:
        """What each thread does, in the order in which the threads are started."""
        raise NotImplementedError

    def main(self) -> None:
        """What the starting thread does while the others run; nothing where a program does not say."""

    def check(self) -> None:
        """What must hold once all threads have ended.

        Raises:
            AssertionError: it does not.
        """

    @classmethod
    def run(cls) -> None:
        """Execute once: make the state, start the threads, take part, join them, check.

        Raises:
            Exception: what a thread raised first, or ``check`` did. A deadlock shows by not returning.
        """
        case = cls()
        errors: list[Exception] = []
        threads = [
            threading.Thread(target=_kept, args=(work, errors), name=f"thread-{number}", daemon=True)
            for number, work in enumerate(case.threads())
        ]
        for thread in threads:
            thread.start()
        _kept(case.main, errors)
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        case.check()


def _kept(work: Work, errors: list[Exception]) -> None:
    try:
        work()
    except Exception as error:  # whatever a racing thread raises is the bug that shows
        errors.append(error)
