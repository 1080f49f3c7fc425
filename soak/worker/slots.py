"""Which part of the flight file belongs to which thread.

The main thread has slot 0, the scenario's threads have one each, and threads of the target's own get theirs
when they first speak; a slot whose thread has ended goes to a later thread.

Standard library only.
"""

from __future__ import annotations

import threading
from collections import deque

from soak.flight import DONE, MAIN, SCENARIO, SLOTS, TARGET, Flight, Slot

#: So many ended threads keep their rings as evidence before the oldest's slot is used again.
KEPT_RINGS = 8


class _Nowhere(Slot):
    """What a thread gets once all slots are taken: it counts nothing, but what was seen counts as seen."""

    __slots__ = ()

    def enter(self, label: int) -> None:
        pass

    def leave(self, outcome: int = DONE) -> None:
        pass

    def count(self, *, refused: bool) -> None:
        pass

    def beat(self) -> None:
        pass


class _Lease:
    """Gives a target thread's slot back when the thread's local storage goes, that is, when it ends."""

    __slots__ = ("_free", "_index")

    def __init__(self, free: deque[int], index: int) -> None:
        self._free = free
        self._index = index

    def __del__(self) -> None:
        self._free.append(self._index)  # no lock in a finalizer: appending is atomic


class Slots:
    """The calling thread's slot. Safe from every thread."""

    def __init__(self, flight: Flight, scenario_threads: int) -> None:
        """Open slot 0 for the calling thread and keep ``scenario_threads`` for the scenario's own."""
        self._flight = flight
        self._lock = threading.Lock()
        self._free: deque[int] = deque()
        self._next = min(1 + scenario_threads, SLOTS)
        self.main = flight.slot(0, "main", MAIN)
        self._nowhere = _Nowhere(flight.words, 0, lambda: 0)
        self._local = threading.local()
        self._local.slot = self.main
        self.labels: dict[str, int] = {}
        self._texts: dict[int, str] = {0: ""}

    def open_scenario(self, index: int, name: str) -> Slot:
        """The slot of the scenario's thread ``index`` (from 1), opened by that thread itself."""
        slot = self._flight.slot(index, name, SCENARIO) if index < SLOTS else self._nowhere
        self._local.slot = slot
        return slot

    def mine(self) -> Slot:
        """The calling thread's slot."""
        try:
            slot: Slot = self._local.slot
        except AttributeError:
            slot = self._local.slot = self._lend()
        return slot

    def _lend(self) -> Slot:
        with self._lock:
            if self._next < SLOTS and len(self._free) < KEPT_RINGS:
                index = self._next
                self._next += 1
            elif self._free:
                index = self._free.popleft()
            else:
                return self._nowhere
        self._local.lease = _Lease(self._free, index)
        return self._flight.slot(index, thread_name(), TARGET)

    def forget_all(self) -> None:
        """In a process that the target forked: the flight file belongs to the parent's threads."""
        self._local = threading.local()
        self._free = deque()
        self._next = SLOTS
        self._lock = threading.Lock()

    def label(self, text: str) -> int:
        """The flight file's number of a text."""
        number = self.labels.get(text)
        if number is None:
            number = self.labels[text] = self._flight.label(text)
            self._texts[number] = text
        return number

    def doing(self) -> str:
        """What the calling thread is in, or empty."""
        stack = self.mine().stack
        return self._texts[stack[-1][0]] if stack else ""


def thread_name() -> str:
    """The calling thread's name. Unlike ``current_thread``, leaves no dummy behind for a native thread."""
    ident = threading.get_ident()
    if ident == threading.main_thread().ident:
        return "main"
    for thread in threading.enumerate():
        if thread.ident == ident:
            return thread.name
    return f"native-{threading.get_native_id()}"
