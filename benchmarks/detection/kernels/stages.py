"""Two writes that belong together, and many threads: the bug shows only between the first thread's two."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from benchmarks.detection.case import Case, Work
from benchmarks.detection.kernel import Kernel, Published


class Reorder(Case):
    """Setters write ``a`` and ``b``; checkers expect to see both or none. Once a setter is through, the rest
    hides it for ever."""

    setters = 2
    checkers = 1

    def __init__(self) -> None:
        self.a = 0
        self.b = 0

    def threads(self) -> Sequence[Work]:
        return (*[self.set_both] * self.setters, *[self.look] * self.checkers)

    def set_both(self) -> None:
        self.a = 1
        self.b = -1

    def look(self) -> None:
        untouched = self.a == 0 and self.b == 0
        written = self.a == 1 and self.b == -1
        assert untouched or written


class ReorderFixed(Reorder):
    """Both are written and read under one lock."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def set_both(self) -> None:
        with self.lock:
            self.a = 1
            self.b = -1

    def look(self) -> None:
        with self.lock:
            super().look()


class Reorder5(Reorder):
    """Four setters."""

    setters = 4


class Reorder5Fixed(ReorderFixed):
    """Four setters and a lock."""

    setters = 4


class Reorder10(Reorder):
    """Nine setters."""

    setters = 9


class Reorder10Fixed(ReorderFixed):
    """Nine setters and a lock."""

    setters = 9


class Reorder20(Reorder):
    """Ten setters, ten checkers."""

    setters = 10
    checkers = 10


class Reorder20Fixed(ReorderFixed):
    """Ten setters, ten checkers and a lock."""

    setters = 10
    checkers = 10


class Twostage(Case):
    """A value and what follows from it are written under a lock each; a reader may come between the two."""

    writers = 1

    def __init__(self) -> None:
        self.first_lock = threading.Lock()
        self.second_lock = threading.Lock()
        self.first = 0
        self.second = 0

    def threads(self) -> Sequence[Work]:
        return (*[self.write] * self.writers, self.read)

    def write(self) -> None:
        with self.first_lock:
            self.first = 1
        with self.second_lock:
            self.second = self.first + 1

    def read(self) -> None:
        with self.first_lock:
            if self.first == 0:
                return
            first = self.first
        with self.second_lock:
            second = self.second
        assert second == first + 1


class TwostageFixed(Twostage):
    """The second is written before the first lock is given back."""

    def write(self) -> None:
        with self.first_lock:
            self.first = 1
            with self.second_lock:
                self.second = self.first + 1


class Twostage20(Twostage):
    """Nineteen writers."""

    writers = 19


class Twostage20Fixed(TwostageFixed):
    """Nineteen writers, one stage."""

    writers = 19


class Twostage50(Twostage):
    """Forty-nine writers."""

    writers = 49


class Twostage50Fixed(TwostageFixed):
    """Forty-nine writers, one stage."""

    writers = 49


KERNELS = (
    Kernel(
        name="reorder_3",
        source="SCTBench, CS.reorder_3_bad",
        buggy=Reorder,
        fixed=ReorderFixed,
        published=Published(pos=163, pct3=124, rff=5),
    ),
    Kernel(
        name="reorder_5",
        source="SCTBench, CS.reorder_5_bad",
        buggy=Reorder5,
        fixed=Reorder5Fixed,
        published=Published(pos=4354, pct3=953, rff=5),
    ),
    Kernel(name="reorder_10", source="SCTBench, CS.reorder_10_bad", buggy=Reorder10, fixed=Reorder10Fixed),
    Kernel(
        name="reorder_20",
        source="SCTBench, CS.reorder_20_bad",
        buggy=Reorder20,
        fixed=Reorder20Fixed,
        published=Published(pos=None, pct3=1304, rff=5),
    ),
    Kernel(
        name="twostage",
        source="SCTBench, CS.twostage_bad",
        buggy=Twostage,
        fixed=TwostageFixed,
        published=Published(pos=9, pct3=7, rff=6),
    ),
    Kernel(
        name="twostage_20",
        source="SCTBench, CS.twostage_20_bad",
        buggy=Twostage20,
        fixed=Twostage20Fixed,
        published=Published(pos=162, pct3=145, rff=18),
    ),
    Kernel(
        name="twostage_50", source="SCTBench, CS.twostage_50_bad", buggy=Twostage50, fixed=Twostage50Fixed
    ),
)
