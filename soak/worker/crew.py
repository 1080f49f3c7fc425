"""The threads of one iteration's operations: scenario threads, nemeses, invariants.

Standard library only.
"""

from __future__ import annotations

import bisect
import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from soak.author import Call, Invariant, Nemesis, Operation, Refused, Scenario
from soak.flight import DONE, RAISED, REFUSED, Slot
from soak.worker.promises import look
from soak.worker.slots import Slots
from soak.worker.witness import Stop, WorkerWitness

#: Seconds between two looks of the main thread at the supervisor's word.
GLANCE = 0.02
#: Seconds that threads have for ending once a finding has ended the iteration.
GRACE = 1.0
JOIN_GLANCE = 0.1  # seconds; the end of a thread itself is noticed at once


@dataclass(frozen=True, slots=True)
class _Choice:
    """One operation as its threads need it."""

    call: Call
    label: int
    name: str
    expects: tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class _Hand:
    """One thread to be: its name and what it does with its slot."""

    name: str
    work: Callable[[Slot], None]
    operates: bool


class Crew:
    """Starts an iteration's threads together, waits for them, and joins them."""

    def __init__(
        self,
        scenario: Scenario,
        state: Any,
        rng: random.Random,
        slots: Slots,
        witness: WorkerWitness,
        boundary: Callable[[], None] | None,
    ) -> None:
        self._scenario = scenario
        self._state = state
        self._slots = slots
        self._witness = witness
        self._stop: Stop = witness.stop
        self._boundary = boundary
        self._go = threading.Event()
        self._hands = self._make_hands(rng)
        self._operating = sum(hand.operates for hand in self._hands)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start all threads; the deadline counts from when the last of them stands ready.

        Raises:
            RuntimeError: the machine gives no more threads.
        """
        try:
            for index, hand in enumerate(self._hands, start=1):
                thread = threading.Thread(target=self._live, args=(index, hand), name=hand.name, daemon=True)
                thread.start()
                self._threads.append(thread)
        except RuntimeError:
            self._stop.set()
            raise
        finally:
            self._stop.deadline = time.monotonic() + self._scenario.seconds
            self._go.set()

    def wait_done(self, stop_asked: Callable[[], bool], beat: Callable[[], None]) -> None:
        """Wait until the time is up, all operations' threads are done, or a stop is wanted; then stop all."""
        if not self._hands:
            self._stop.set()
        while not self._stop.now and not stop_asked():
            left = self._stop.deadline - time.monotonic()
            if left <= 0:
                break
            self._stop.wait(min(GLANCE, left))
            beat()
        self._stop.set()

    def join(self, has_found: Callable[[], bool]) -> bool:
        """Wait until all threads have ended; returns whether they have.

        A thread that never ends is a hang, for the supervisor to see; but after a finding it has only
        :data:`GRACE` seconds, since the finding is worth more than what it has brought about.
        """
        until = float("inf")
        for thread in self._threads:
            while thread.is_alive():
                now = time.monotonic()
                if has_found():
                    until = min(until, now + GRACE)
                if now >= until:
                    return False
                thread.join(JOIN_GLANCE)
        return True

    # -- on the threads ------------------------------------------------------------------------------------

    def _live(self, index: int, hand: _Hand) -> None:
        slot = self._slots.open_scenario(index, hand.name)
        self._go.wait()
        try:
            hand.work(slot)
        finally:
            if hand.operates:
                with self._lock:
                    self._operating -= 1
                    last = self._operating == 0
                if last:
                    self._stop.set()

    def _make_hands(self, rng: random.Random) -> list[_Hand]:
        hands = []
        for name, operations, count in teams(self._scenario):
            for number in range(count):
                work = self._operate(operations, random.Random(rng.getrandbits(64)))
                hands.append(_Hand(f"{name}-{number}", work, operates=True))
        for nemesis in self._scenario.nemeses:
            work = self._make_trouble(nemesis, random.Random(rng.getrandbits(64)))
            hands.append(_Hand(f"nemesis {nemesis.name}", work, operates=False))
        for number, invariant in enumerate(self._scenario.invariants):
            work = self._look_after(invariant, random.Random(rng.getrandbits(64)))
            hands.append(_Hand(f"invariant-{number}", work, operates=False))
        return hands

    def _operate(self, operations: tuple[Operation, ...], rng: random.Random) -> Callable[[Slot], None]:
        choices = [
            _Choice(operation.call, self._slots.label(operation.name), operation.name, operation.expects)
            for operation in operations
        ]
        weights = list(itertools.accumulate(operation.weight for operation in operations))
        only = choices[0] if len(choices) == 1 else None

        def pick() -> _Choice:
            return only or choices[bisect.bisect_right(weights, rng.random() * weights[-1])]

        def work(slot: Slot) -> None:
            state, stop, boundary, clock = self._state, self._stop, self._boundary, time.monotonic
            deadline = stop.deadline
            left = self._scenario.rounds if self._scenario.rounds is not None else -1
            while left and not stop.now and clock() < deadline:
                if boundary is not None:
                    boundary()
                choice = pick()
                slot.enter(choice.label)
                try:
                    outcome = choice.call(state, rng)
                except choice.expects:
                    slot.leave(REFUSED)
                    slot.count(refused=True)
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
                    slot.leave(RAISED)
                    self._witness.report_raised(error, doing=choice.name)
                    return
                else:
                    refused = isinstance(outcome, Refused)
                    slot.leave(REFUSED if refused else DONE)
                    slot.count(refused=refused)
                left -= 1

        return work

    def _make_trouble(self, nemesis: Nemesis, rng: random.Random) -> Callable[[Slot], None]:
        label = self._slots.label(nemesis.name)

        def work(slot: Slot) -> None:
            while not self._stop.wait(nemesis.every * rng.uniform(0.5, 1.5)):
                slot.enter(label)
                try:
                    nemesis.call(self._state, rng)
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
                    slot.leave(RAISED)
                    self._witness.report_raised(error, doing=nemesis.name)
                    return
                slot.leave()

        return work

    def _look_after(self, invariant: Invariant, rng: random.Random) -> Callable[[Slot], None]:
        label = self._slots.label(invariant.promise)

        def work(slot: Slot) -> None:
            while not self._stop.wait(invariant.every * rng.uniform(0.5, 1.5)):
                slot.enter(label)
                look(self._witness, invariant.promise, invariant.holds, self._state)
                slot.leave()

        return work


def teams(scenario: Scenario) -> list[tuple[str, tuple[Operation, ...], int]]:
    """Threads that operate: the team's name, what it chooses from, and how many they are."""
    own: list[tuple[str, tuple[Operation, ...], int]] = [
        (op.name, (op,), op.threads) for op in scenario.operations if op.threads is not None
    ]
    pooled = tuple(op for op in scenario.operations if op.threads is None)
    return [*own, ("pool", pooled, scenario.threads)] if pooled else own


def count_threads(scenario: Scenario) -> int:
    """How many threads an iteration of ``scenario`` has besides the main one."""
    return sum(count for _, _, count in teams(scenario)) + len(scenario.nemeses) + len(scenario.invariants)
