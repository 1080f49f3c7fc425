"""The threads and processes of one iteration: operations, nemeses, invariants.

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
from soak.flight import DONE, RAISED, REFUSED, Flight, Slot
from soak.history import name_process
from soak.worker.nursery import Nursery, Place
from soak.worker.perturb import Perturber
from soak.worker.promises import look
from soak.worker.slots import Slots
from soak.worker.stop import Board, Halt
from soak.worker.witness import WorkerWitness

#: Seconds between two looks of the main thread at the supervisor's word.
GLANCE = 0.02
#: Seconds that threads have for ending once a finding has ended the iteration.
GRACE = 1.0
JOIN_GLANCE = 0.1  # seconds; the end of a thread itself is noticed at once
_NURSERY_GLANCE = 0.002


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
    """Starts an iteration's threads and processes together, waits for them, and joins them."""

    def __init__(
        self,
        scenario: Scenario,
        state: Any,
        rng: random.Random,
        flight: Flight,
        slots: Slots,
        witness: WorkerWitness,
        perturber: Perturber,
    ) -> None:
        self._scenario = scenario
        self._state = state
        self._flight = flight
        self._slots = slots
        self._witness = witness
        self._perturber = perturber
        self._boundary = perturber.boundary
        self._go = threading.Event()
        self._stop = witness.thread_stop
        self._hands = self._make_hands(rng)
        self._callings = callings(scenario)
        self._nursery = self._make_nursery(rng) if self._callings else None
        self._operating = sum(hand.operates for hand in self._hands) + bool(self._callings)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start all processes and threads; the deadline counts from when the last of them stands ready.

        Raises:
            OSError: the machine gives no more processes.
            RuntimeError: the machine gives no more threads.
        """
        try:
            if self._nursery is not None:
                self._nursery.open()
            for index, hand in enumerate(self._hands, start=1):
                thread = threading.Thread(target=self._live, args=(index, hand), name=hand.name, daemon=True)
                thread.start()
                self._threads.append(thread)
        except (RuntimeError, OSError):
            self._stop.set()
            raise
        finally:
            self._stop.deadline = time.monotonic() + self._scenario.seconds
            if self._nursery is not None:
                self._nursery.let_go(self._stop.deadline)
            self._go.set()

    def wait_done(self, stop_asked: Callable[[], bool], beat: Callable[[], None]) -> None:
        """Wait until the time is up, all operations are done, or a stop is wanted; then stop all."""
        if not self._hands and self._nursery is None:
            self._stop.set()
        nursery_works = self._nursery is not None
        while not self._stop.now and not stop_asked():
            if nursery_works and self._nursery_ended():
                nursery_works = False
                self._end_one()
            left = self._stop.deadline - time.monotonic()
            if left <= 0:
                break
            self._stop.wait(min(GLANCE, left))
            beat()
        self._stop.set()
        if self._nursery is not None:
            self._nursery.board.set()

    def join(self) -> bool:
        """Wait until all threads and processes have ended; returns whether they have by themselves.

        A thread that never ends is a hang, for the supervisor to see; but after a finding it has only
        :data:`GRACE` seconds, since the finding is worth more than what it has brought about. Processes that
        are not done by then are killed.
        """
        until = float("inf")
        nursery_glance = 0.0
        for thread in self._threads:
            while thread.is_alive():
                until = self._grace(until)
                if time.monotonic() >= until:
                    self._end_nursery()
                    return False
                thread.join(JOIN_GLANCE)
        while not self._nursery_ended():
            until = self._grace(until)
            if time.monotonic() >= until:
                self._end_nursery()
                return False
            time.sleep(nursery_glance)
            nursery_glance = _NURSERY_GLANCE
        self._end_nursery()
        return True

    def _grace(self, until: float) -> float:
        return min(until, time.monotonic() + GRACE) if self._witness.has_found() else until

    # -- the processes, seen from the main thread ----------------------------------------------------------

    def _nursery_ended(self) -> bool:
        """Look after the processes; returns whether none is left. What one died of, the worker dies of."""
        nursery = self._nursery
        if nursery is None:
            return True
        ended = nursery.look()
        if nursery.board.found and not self._witness.has_found():
            self._witness.note_found()
        nursery.pass_on_death()
        return ended

    def _end_nursery(self) -> None:
        if self._nursery is not None:
            self._nursery.kill()
            self._witness.end_processes()
            self._nursery.close()
            self._nursery = None

    def _make_nursery(self, rng: random.Random) -> Nursery:
        first = 1 + len(self._hands)
        places = [
            Place(
                number=number,
                name=name,
                operation=operation.name,
                slot=first + number,
                mortal=operation.mortal,
                seed=seed,
            )
            for number, (name, operation) in enumerate(self._callings)
            for seed in (rng.getrandbits(64),)
        ]
        nursery = Nursery(places, self._live_in_process, self._flight, self._witness.folder)
        self._flight.share(0, len(places))
        self._witness.begin_processes(nursery.find)
        return nursery

    def _live_in_process(
        self, place: Place, rng: random.Random, board: Board, stand_ready: Callable[[], None]
    ) -> None:
        self._witness.enter_process(place.name, board)
        name_process(place.name)
        self._flight.share(1 + place.number, len(self._callings))
        slot = self._slots.open_scenario(place.slot, place.name)
        work = self._operate((self._callings[place.number][1],), rng, board)
        stand_ready()
        self._perturber.enter_process(place.name)
        work(slot)

    # -- on the threads ------------------------------------------------------------------------------------

    def _live(self, index: int, hand: _Hand) -> None:
        slot = self._slots.open_scenario(index, hand.name)
        self._go.wait()
        try:
            hand.work(slot)
        finally:
            if hand.operates:
                self._end_one()

    def _end_one(self) -> None:
        with self._lock:
            self._operating -= 1
            last = self._operating == 0
        if last:
            self._stop.set()

    def _make_hands(self, rng: random.Random) -> list[_Hand]:
        hands = []
        for name, operations, count in teams(self._scenario):
            for number in range(count):
                work = self._operate(operations, random.Random(rng.getrandbits(64)), self._stop)
                hands.append(_Hand(f"{name}-{number}", work, operates=True))
        for nemesis in self._scenario.nemeses:
            work = self._make_trouble(nemesis, random.Random(rng.getrandbits(64)))
            hands.append(_Hand(f"nemesis {nemesis.name}", work, operates=False))
        for number, invariant in enumerate(self._scenario.invariants):
            work = self._look_after(invariant, random.Random(rng.getrandbits(64)))
            hands.append(_Hand(f"invariant-{number}", work, operates=False))
        return hands

    def _operate(
        self, operations: tuple[Operation, ...], rng: random.Random, stop: Halt
    ) -> Callable[[Slot], None]:
        choices = [
            _Choice(operation.call, self._slots.label(operation.name), operation.name, operation.expects)
            for operation in operations
        ]
        weights = list(itertools.accumulate(operation.weight for operation in operations))
        only = choices[0] if len(choices) == 1 else None

        def pick() -> _Choice:
            return only or choices[bisect.bisect_right(weights, rng.random() * weights[-1])]

        def work(slot: Slot) -> None:
            state, boundary, clock = self._state, self._boundary, time.monotonic
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
    pooled = tuple(op for op in scenario.operations if op.threads is None and op.processes is None)
    return [*own, ("pool", pooled, scenario.threads)] if pooled else own


def callings(scenario: Scenario) -> list[tuple[str, Operation]]:
    """Processes that operate, one by one: the name of each and what it does."""
    return [
        (f"{operation.name}-p{number}", operation)
        for operation in scenario.operations
        for number in range(operation.processes or 0)
    ]


def count_slots(scenario: Scenario) -> int:
    """How many threads and processes an iteration of ``scenario`` has besides the main thread."""
    threads = sum(count for _, _, count in teams(scenario))
    return threads + len(scenario.nemeses) + len(scenario.invariants) + len(callings(scenario))
