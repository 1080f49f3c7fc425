"""Locks taken in the wrong order, twice, or the wrong one of two."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from benchmarks.detection.case import Case, Work
from benchmarks.detection.kernel import Kernel, Published


class Deadlock01(Case):
    """Two threads take the same two locks, each the other way round."""

    def __init__(self) -> None:
        self.a = threading.Lock()
        self.b = threading.Lock()
        self.counter = 1

    def threads(self) -> Sequence[Work]:
        return (self.up, self.down)

    def up(self) -> None:
        self.a.acquire()
        self.b.acquire()
        self.counter += 1
        self.b.release()
        self.a.release()

    def down(self) -> None:
        self.b.acquire()
        self.a.acquire()
        self.counter -= 1
        self.a.release()
        self.b.release()


class Deadlock01Fixed(Deadlock01):
    """Both take them in one order."""

    def down(self) -> None:
        self.a.acquire()
        self.b.acquire()
        self.counter -= 1
        self.b.release()
        self.a.release()


class Carter01(Case):
    """Two groups exclude each other by ``l``: a group's first member takes it, its last gives it back. Both
    count their members under the same ``m``, so that one group waits for ``l`` with ``m`` in its hands."""

    def __init__(self) -> None:
        self.a_guard = self.b_guard = threading.Lock()
        self.l = threading.Lock()
        self.a = 0
        self.b = 0

    def threads(self) -> Sequence[Work]:
        return (self.first, self.second, self.idle, self.idle)

    def first(self) -> None:
        self.a_guard.acquire()
        self.a += 1
        if self.a == 1:
            self.l.acquire()
        self.a_guard.release()
        self.a_guard.acquire()
        self.a -= 1
        if self.a == 0:
            self.l.release()
        self.a_guard.release()

    def second(self) -> None:
        self.b_guard.acquire()
        self.b += 1
        if self.b == 1:
            self.l.acquire()
        self.b_guard.release()
        self.b_guard.acquire()
        self.b -= 1
        if self.b == 0:
            self.l.release()
        self.b_guard.release()

    def idle(self) -> None:
        """The original has two threads that do nothing."""


class Carter01Fixed(Carter01):
    """Each group counts under a lock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.b_guard = threading.Lock()


class Phase01(Case):
    """A second ``acquire`` where a ``release`` belongs: who comes next waits for ever, in every schedule."""

    def __init__(self) -> None:
        self.x = threading.Lock()
        self.y = threading.Lock()

    def threads(self) -> Sequence[Work]:
        return (self.work, self.work)

    def work(self) -> None:
        self.x.acquire()
        self.x.release()
        self.x.acquire()
        self.y.acquire()
        self.y.release()
        self.y.acquire()
        self.y.release()


class Phase01Fixed(Phase01):
    """``x`` is given back at the end."""

    def work(self) -> None:
        super().work()
        self.x.release()


class Wronglock(Case):
    """One thread counts under the data's lock, seven others under another one."""

    others = 7

    def __init__(self) -> None:
        self.data_lock = threading.Lock()
        self.other_lock = threading.Lock()
        self.value = 0

    def threads(self) -> Sequence[Work]:
        return (self.guarded, *[self.unguarded] * self.others)

    def guarded(self) -> None:
        with self.data_lock:
            before = self.value
            read = self.value
            self.value = read + 1
            assert self.value == before + 1

    def unguarded(self) -> None:
        with self.other_lock:
            read = self.value
            self.value = read + 1


class WronglockFixed(Wronglock):
    """There is one lock."""

    def __init__(self) -> None:
        super().__init__()
        self.other_lock = self.data_lock


class Wronglock3(Wronglock):
    """The same with three others."""

    others = 3


class Wronglock3Fixed(WronglockFixed):
    """There is one lock."""

    others = 3


KERNELS = (
    Kernel(
        name="deadlock01",
        source="SCTBench, CS.deadlock01_bad",
        buggy=Deadlock01,
        fixed=Deadlock01Fixed,
        hangs=True,
        published=Published(pos=4, pct3=15, rff=4),
    ),
    Kernel(
        name="carter01",
        source="SCTBench, CS.carter01_bad",
        buggy=Carter01,
        fixed=Carter01Fixed,
        hangs=True,
    ),
    Kernel(name="phase01", source="SCTBench, CS.phase01_bad", buggy=Phase01, fixed=Phase01Fixed, hangs=True),
    Kernel(name="wronglock", source="SCTBench, CS.wronglock_bad", buggy=Wronglock, fixed=WronglockFixed),
    Kernel(
        name="wronglock_3",
        source="SCTBench, CS.wronglock_3_bad",
        buggy=Wronglock3,
        fixed=Wronglock3Fixed,
        published=Published(pos=1, pct3=32, rff=1),
    ),
)
