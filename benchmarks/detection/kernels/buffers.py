"""Buffers whose reader counts its attempts instead of what it got, or does not look before it takes."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from benchmarks.detection.case import Case, Work
from benchmarks.detection.kernel import Kernel


class CircularBuffer(Case):
    """Writer and reader take turns by two flags, seven tries each; the reader expects in its ``n``-th try the
    ``n``-th element, though a try may have come to nothing."""

    tries = 7
    size = 10

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.buffer = [0] * self.size
        self.first = 0
        self.next = 0
        self.may_send = True
        self.may_receive = False

    def threads(self) -> Sequence[Work]:
        return (self.write, self.read)

    def write(self) -> None:
        for number in range(self.tries):
            with self.lock:
                if self.may_send:
                    self.buffer[self.next] = number
                    self.next = (self.next + 1) % self.size
                    self.may_send = False
                    self.may_receive = True

    def read(self) -> None:
        for number in range(self.tries):
            with self.lock:
                if self.may_receive:
                    assert self.take() == number
                    self.may_receive = False
                    self.may_send = True

    def take(self) -> int:
        taken = self.buffer[self.first]
        self.first += 1
        return taken


class CircularBufferFixed(CircularBuffer):
    """Both number what went through, not their tries."""

    def write(self) -> None:
        sent = 0
        for _ in range(self.tries):
            with self.lock:
                if self.may_send:
                    self.buffer[self.next] = sent
                    self.next = (self.next + 1) % self.size
                    sent += 1
                    self.may_send = False
                    self.may_receive = True

    def read(self) -> None:
        received = 0
        for _ in range(self.tries):
            with self.lock:
                if self.may_receive:
                    assert self.take() == received
                    received += 1
                    self.may_receive = False
                    self.may_send = True


class Queue(Case):
    """The same with a queue of twenty, where the writer begins with one element that no flag announces."""

    size = 20

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.elements = [0] * (self.size + 1)
        self.stored = [-1] * self.size
        self.head = 0
        self.tail = 0
        self.may_enqueue = True
        self.may_dequeue = False

    def threads(self) -> Sequence[Work]:
        return (self.write, self.read)

    def write(self) -> None:
        value = 0
        with self.lock:
            self.enqueue(value)
            self.stored[0] = value
        for number in range(self.size - 1):
            with self.lock:
                if self.may_enqueue:
                    value += 1
                    self.enqueue(value)
                    self.stored[self.place(number, value)] = value
                    self.may_enqueue = False
                    self.may_dequeue = True

    def read(self) -> None:
        received = 0
        for number in range(self.size):
            with self.lock:
                if self.may_dequeue:
                    assert self.dequeue() == self.stored[self.place(number - 1, received)]
                    received += 1
                    self.may_dequeue = False
                    self.may_enqueue = True

    def place(self, number: int, counted: int) -> int:
        """Where the element of try ``number`` is noted, ``counted`` having gone through before."""
        return number + 1

    def enqueue(self, value: int) -> None:
        self.elements[self.tail] = value
        self.tail += 1

    def dequeue(self) -> int:
        taken = self.elements[self.head]
        self.head += 1
        return taken


class QueueFixed(Queue):
    """Both note elements by how many went through."""

    def place(self, number: int, counted: int) -> int:
        return counted


class Stack(Case):
    """The reader pops whenever something was ever pushed."""

    size = 10

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.elements = [0] * self.size
        self.top = 0
        self.pushed = False

    def threads(self) -> Sequence[Work]:
        return (self.write, self.read)

    def write(self) -> None:
        for number in range(self.size):
            with self.lock:
                self.elements[self.top] = number
                self.top += 1
                self.pushed = True

    def read(self) -> None:
        for _ in range(self.size):
            with self.lock:
                if self.may_pop():
                    assert self.top > 0
                    self.top -= 1

    def may_pop(self) -> bool:
        return self.pushed


class StackFixed(Stack):
    """It looks whether something is there."""

    def may_pop(self) -> bool:
        return self.top > 0


KERNELS = (
    Kernel(
        name="circular_buffer",
        source="SCTBench, CS.circular_buffer_bad",
        buggy=CircularBuffer,
        fixed=CircularBufferFixed,
    ),
    Kernel(name="queue", source="SCTBench, CS.queue_bad", buggy=Queue, fixed=QueueFixed),
    Kernel(name="stack", source="SCTBench, CS.stack_bad", buggy=Stack, fixed=StackFixed),
)
