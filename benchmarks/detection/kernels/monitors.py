"""Waiting for the wrong thing, waking the wrong thread, trusting what was read before."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from benchmarks.detection.case import Case, Work
from benchmarks.detection.kernel import Kernel, Published


class Sync02(Case):
    """Producer and consumer of two items each, and two items there from the start: the producer's second one
    waits for a consumer who has gone home, in every schedule."""

    rounds = 2
    at_first = 2

    def __init__(self) -> None:
        lock = threading.Lock()
        self.empty = threading.Condition(lock)
        self.full = threading.Condition(lock)
        self.stored = self.at_first

    def threads(self) -> Sequence[Work]:
        return (self.produce, self.consume)

    def produce(self) -> None:
        for _ in range(self.rounds):
            with self.empty:
                while self.stored > 0:
                    self.empty.wait()
                self.stored += 1
                self.full.notify()

    def consume(self) -> None:
        for _ in range(self.rounds):
            with self.full:
                while self.stored == 0:
                    self.full.wait()
                self.stored -= 1
                self.empty.notify()


class Sync02Fixed(Sync02):
    """The store is empty at first."""

    at_first = 0


class BoundedBuffer(Case):
    """A buffer of one place, two producers, two consumers, one condition for all, of whom one is woken: a
    consumer may wake a consumer, who finds nothing, and nobody is left to wake anybody."""

    rounds = 2

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.stored = 0

    def threads(self) -> Sequence[Work]:
        return (self.produce, self.produce, self.consume, self.consume)

    def wake(self) -> None:
        self.changed.notify()

    def produce(self) -> None:
        for _ in range(self.rounds):
            with self.changed:
                while self.stored == 1:
                    self.changed.wait()
                self.stored = 1
                self.wake()

    def consume(self) -> None:
        for _ in range(self.rounds):
            with self.changed:
                while self.stored == 0:
                    self.changed.wait()
                self.stored = 0
                self.wake()


class BoundedBufferFixed(BoundedBuffer):
    """All are woken."""

    def wake(self) -> None:
        self.changed.notify_all()


class StringBuffer(Case):
    """Appends another buffer by its length, and then by its characters, which are fewer by then."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.text = list("abc")
        self.copy: list[str] = []

    def threads(self) -> Sequence[Work]:
        return (self.rewrite,)

    def main(self) -> None:
        length = self.length()
        self.copy += self.characters(length)

    def rewrite(self) -> None:
        self.erase()
        self.append("abc")

    def erase(self) -> None:
        with self.lock:
            self.text.clear()

    def append(self, text: str) -> None:
        with self.lock:
            self.text += text

    def length(self) -> int:
        with self.lock:
            return len(self.text)

    def characters(self, length: int) -> list[str]:
        with self.lock:
            assert length <= len(self.text)
            return self.text[:length]


class StringBufferFixed(StringBuffer):
    """Nobody comes between the two."""

    def main(self) -> None:
        with self.lock:
            super().main()


class WorkStealQueue(Case):
    """Owner and thief look whether an item is left, and only then announce that they take it: the last item
    goes to both."""

    items = 4
    attempts = 2

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.elements = [0] * self.items
        self.head = 0
        self.tail = 0
        self.done = [0] * self.items

    def threads(self) -> Sequence[Work]:
        return (self.thief,)

    def main(self) -> None:
        for item in range(0, self.items, 2):
            self.push(item)
            self.push(item + 1)
            self.finish(self.pop())
        for _ in range(self.items // 2):
            self.finish(self.pop())

    def thief(self) -> None:
        for _ in range(self.attempts):
            self.finish(self.steal())

    def finish(self, item: int | None) -> None:
        if item is not None:
            self.done[item] += 1

    def push(self, item: int) -> None:
        self.elements[self.tail] = item
        self.tail += 1

    def pop(self) -> int | None:
        last = self.tail - 1
        if self.head <= last:
            self.tail = last
            return self.elements[last]
        return None

    def steal(self) -> int | None:
        with self.lock:
            first = self.head
            if first < self.tail:
                self.head = first + 1
                return self.elements[first]
            return None

    def check(self) -> None:
        assert self.done == [1] * self.items


class WorkStealQueueFixed(WorkStealQueue):
    """Each announces first, looks then, and gives back what it should not have; the owner tries again under
    the thief's lock. (Cilk-5's THE protocol: Frigo, Leiserson and Randall, PLDI 1998.)"""

    def pop(self) -> int | None:
        last = self.tail - 1
        self.tail = last
        if self.head <= last:
            return self.elements[last]
        self.tail = last + 1
        with self.lock:
            self.tail = last
            if self.head <= last:
                return self.elements[last]
            self.tail = last + 1
            return None

    def steal(self) -> int | None:
        with self.lock:
            first = self.head
            self.head = first + 1
            if first < self.tail:
                return self.elements[first]
            self.head = first
            return None


KERNELS = (
    Kernel(name="sync02", source="SCTBench, CS.sync02_bad", buggy=Sync02, fixed=Sync02Fixed, hangs=True),
    Kernel(
        name="bounded_buffer",
        source="after SCTBench, inspect.boundedBuffer, in the form with one condition",
        buggy=BoundedBuffer,
        fixed=BoundedBufferFixed,
        hangs=True,
    ),
    Kernel(
        name="stringbuffer",
        source="SCTBench, ConVul.stringbuffer-jdk1.4; Flanagan and Qadeer, PLDI 2003",
        buggy=StringBuffer,
        fixed=StringBufferFixed,
        published=Published(pos=7, pct3=146, rff=7),
    ),
    Kernel(
        name="work_steal_queue",
        source="SCTBench, CHESS.WorkStealQueue, with the announcement after the look",
        buggy=WorkStealQueue,
        fixed=WorkStealQueueFixed,
        published=Published(pos=9, pct3=7, rff=8),
    ),
)
