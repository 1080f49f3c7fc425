"""The processes of one iteration's operations, and the process that forks and buries them.

The worker forks one nursery before the iteration's threads start. The nursery never has a second thread, so
it may fork at any time: the operations' processes at first, and later the successors of those that a nemesis
killed. It ends when all of them have; they die with it, and it dies with the worker.

Standard library only.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from soak.flight import Flight
from soak.worker.settle import arm_faulthandler, die_with_parent
from soak.worker.stop import Board

#: Seconds between two looks: of the worker for readiness, of the nursery for a stop.
_GLANCE, _TICK = 0.0005, 0.01
#: Seconds for the processes of a killed nursery to be gone: the kernel kills them.
_BURIAL = 2.0
#: What the nursery, or a process of its, ends with where soak's own code failed.
_OUR_FAULT = 71


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One operation's process to be. A new one takes the place of a ``mortal`` one that was killed."""

    number: int
    name: str
    operation: str
    slot: int
    mortal: bool
    seed: int


#: The work of the process in a place: it calls the last argument once it stands ready, which waits for all.
Work = Callable[[Place, random.Random, Board, Callable[[], None]], None]


class Nursery:
    """Seen from the worker: open, let go, look now and then, close."""

    def __init__(self, places: Sequence[Place], work: Work, flight: Flight, folder: Path) -> None:
        self._places = tuple(places)
        self._work = work
        self._flight = flight
        self._folder = folder
        self._born = [0] * len(self._places)
        self._living: dict[int, Place] = {}
        self._pid = 0
        self._go_read = self._go_write = -1
        self._status: int | None = None
        self.board = Board(len(self._places))

    def open(self) -> None:
        """Fork all processes and wait until they stand ready.

        Raises:
            OSError: the machine gives no more processes.
        """
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the target may have closed or replaced anything
                stream.flush()
        self._go_read, self._go_write = os.pipe()
        worker = os.getpid()
        with warnings.catch_warnings():
            # faulthandler's watchdog counts as a thread from 3.12 on; it takes no lock that a child needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._keep(worker)
        self._pid = pid
        os.close(self._go_read)
        while not (self.board.all_ready or self.look()):
            time.sleep(_GLANCE)

    def let_go(self, deadline: float) -> None:
        """All begin now and stop at ``deadline``, in monotonic seconds."""
        self.board.deadline = deadline
        if self._go_write >= 0:
            os.close(self._go_write)
            self._go_write = -1

    def look(self) -> bool:
        """Whether the nursery, and so every process of its, has ended.

        Raises:
            RuntimeError: soak's own code failed in it; the traceback is in stderr.
        """
        if self._status is None and self._pid:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._status = status
                if os.waitstatus_to_exitcode(status) == _OUR_FAULT:
                    raise RuntimeError("an operation's process failed outside of it; stderr says where")
                if status:
                    self.board.tell_death(len(self._places), status)
        return self._status is not None or not self._pid

    def find(self, operations: tuple[str, ...]) -> tuple[int, ...]:
        """The processes of these operations that live, or of all."""
        wanted = (place for place in self._places if not operations or place.operation in operations)
        return tuple(pid for pid in (self.board.pid(place.number) for place in wanted) if pid)

    def pass_on_death(self) -> None:
        """End the worker as the first of its processes that ended as none may, if there is one."""
        if self.board.death is None:
            return
        place, status = self.board.death
        self.kill()
        with contextlib.suppress(OSError):
            dump = self._dump(place).read_bytes()
            with (self._folder / "fault.txt").open("ab") as file:
                file.write(dump)
        die_as(status)

    def _dump(self, place: int) -> Path:
        """Where faulthandler writes for a place: two that crash at one moment must not mix their dumps."""
        return self._folder / f"fault-{place}.txt"

    def kill(self) -> None:
        """End all processes at once."""
        if not self._pid:
            return
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            _, self._status = os.waitpid(self._pid, 0)
        until = time.monotonic() + _BURIAL
        while any(_is_alive(pid) for pid in self.find(())) and time.monotonic() < until:
            time.sleep(_GLANCE)

    def close(self) -> None:
        """Nothing of it lives any more: give back what it took."""
        self.let_go(0.0)
        self.board.close()

    # -- in the nursery ------------------------------------------------------------------------------------

    def _keep(self, worker: int) -> NoReturn:
        try:
            die_with_parent(worker)
            os.close(self._go_write)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            for place in self._places:
                self._bear(place)
            while self._living:
                signal.sigtimedwait({signal.SIGCHLD}, _TICK)
                self._bury()
                if self.board.now:
                    self._wake()
        except BaseException:  # noqa: BLE001 - the process's edge: our own fault must be told, not lost
            traceback.print_exc()
            os._exit(_OUR_FAULT)
        os._exit(0)

    def _bear(self, place: Place) -> None:
        nursery, birth = os.getpid(), self._born[place.number]
        self._born[place.number] += 1
        pid = os.fork()
        if pid == 0:
            self._live(place, birth, nursery)
        self._living[pid] = place
        self.board.settle(place.number, pid)

    def _bury(self) -> None:
        while self._living:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            place = self._living.pop(pid)
            self.board.settle(place.number, 0)
            self._flight.vacate(place.slot)
            if status == 0 and self.board.finished(place.number):
                continue
            if place.mortal and os.waitstatus_to_exitcode(status) == -signal.SIGKILL:
                if not (self.board.now or self.board.finished(place.number)):
                    self._bear(place)
                continue
            self.board.tell_death(place.number, status)

    def _wake(self) -> None:
        """Time is up: a nemesis that has stopped a process must not keep it from ending."""
        for pid in self._living:
            os.kill(pid, signal.SIGCONT)

    # -- in an operation's process -------------------------------------------------------------------------

    def _live(self, place: Place, birth: int, nursery: int) -> NoReturn:
        def stand_ready() -> None:
            self.board.stand_ready(place.number)
            os.read(self._go_read, 1)  # ends when the worker, the only one to hold the other end, closes it
            os.close(self._go_read)

        try:
            die_with_parent(nursery)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            arm_faulthandler(self._dump(place.number))
            rng = random.Random(f"{place.seed}:{birth}")
            self._work(place, rng, self.board, stand_ready)
        except BaseException:  # noqa: BLE001 - the process's edge: our own fault must be told, not lost
            traceback.print_exc()
            os._exit(_OUR_FAULT)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the target may have closed or replaced anything
                stream.flush()
        self.board.finish(place.number)
        os._exit(0)


def die_as(status: int) -> NoReturn:
    """End this process as the one of wait status ``status`` ended, so that it is found as what it is.

    The core in the working directory is that one's: this process leaves none.
    """
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        faulthandler.disable()
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
        with contextlib.suppress(OSError):  # SIGKILL has no other disposition
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        time.sleep(1.0)  # a signal that the process blocks: the exit code says it then
    os._exit(code & 0xFF)


def _is_alive(pid: int) -> bool:
    """Whether ``pid`` runs: one that has ended and waits for its burial does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - in a hurry
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False
