"""The worker's witness: where the author's statements go while soaking.

Standard library only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from soak.author import guarantee_of
from soak.events import Frame, Note, Phase, PromiseBroken, Raised
from soak.flight import DONE, RAISED, Flight
from soak.history import name_process
from soak.worker import frames
from soak.worker.emitter import Emitter
from soak.worker.slots import Slots, thread_name
from soak.worker.stop import Board, Halt, Stop
from soak.worker.stopwatch import Stopwatch

#: So many findings of one iteration are emitted; a promise with a number in its text would make thousands.
MOST_FINDINGS = 20


#: A promise broken here, while the threads of an iteration that has its finding wind down, is a consequence.
_AFTERMATH = (Phase.REST, Phase.TEARDOWN)


#: Finds the living processes of some operations, or of all where none are named.
_Find = Callable[[tuple[str, ...]], tuple[int, ...]]


def _find_none(operations: tuple[str, ...]) -> tuple[int, ...]:
    return ()


class WorkerWitness:
    """Writes what threads do to the flight file and what is broken to the event pipe. Thread-safe."""

    def __init__(self, worker: int, folder: Path, flight: Flight, slots: Slots, emitter: Emitter) -> None:
        self._worker = worker
        self.folder = folder
        self._flight = flight
        self._slots = slots
        self._emitter = emitter
        self._numbers = itertools.count()
        self._lock = threading.RLock()
        self._promises: set[str] = set()
        self._emitted = 0
        self._local = threading.local()
        self._pid = os.getpid()
        self._process = ""
        self.stopwatch = Stopwatch()
        self.iteration = -1
        self._found = False
        self.thread_stop = Stop()
        self.stop: Halt = self.thread_stop
        self.find_processes: _Find = _find_none
        os.register_at_fork(after_in_child=self._settle_in_child)

    def begin_iteration(self, iteration: int) -> None:
        """Forget the iteration before, but not that something was found: that ends the worker."""
        with self._lock:
            self._promises.clear()
            self._emitted = 0
        self.iteration = iteration
        self.stop = self.thread_stop = Stop()

    def begin_processes(self, find: _Find) -> None:
        """Operations have processes, which ``find`` finds, and which write into the event pipe too."""
        self.find_processes = find
        self._emitter.whole_lines = True

    def end_processes(self) -> None:
        self.find_processes = _find_none
        self._emitter.whole_lines = False

    def has_found(self) -> bool:
        """Whether there was a finding, which ends the worker."""
        return self._found or self.stop.found

    def note_found(self) -> None:
        """One of the operations' processes has told a finding."""
        self._end_iteration()

    def enter_process(self, name: str, board: Board) -> None:
        """From here on this is the operation's process ``name``; ``board`` stops it, and the others."""
        self._process = name
        name_process(name)
        self.stop = board
        self._emitter.whole_lines = True

    def _settle_in_child(self) -> None:
        self._lock = threading.RLock()
        self._slots.forget_all()

    # -- the author's statements (see soak.author.Witness) -------------------------------------------------

    @property
    def broken_here(self) -> int:
        """How many promises the calling thread has found broken."""
        return getattr(self._local, "broken", 0)

    def broken(self, promise: str, details: Mapping[str, object]) -> None:
        self._local.broken = self.broken_here + 1
        self.report_broken(promise, details, frames.of_stack(sys._getframe(1)))

    def seen(self, index: int) -> None:
        self._slots.mine().mark(index)

    def enter(self, label: str) -> None:
        slots = self._slots  # around every call on the target: no call more than needed
        slots.mine().enter(slots.labels.get(label) or slots.label(label))

    def leave(self, raised: bool = False) -> None:
        slot = self._slots.mine()
        if slot.stack:  # a statement entered before the worker was there has nothing to leave
            slot.leave(RAISED if raised else DONE)

    def beat(self) -> None:
        self._slots.mine().beat()

    def stopping(self) -> bool:
        return self.stop.now or time.monotonic() >= self.stop.deadline

    def processes(self, operations: tuple[str, ...]) -> tuple[int, ...]:
        return self.find_processes(operations)

    def took(self, what: str, seconds: float) -> None:
        self.stopwatch.took(what, seconds)

    # -- findings ------------------------------------------------------------------------------------------

    def report_broken(self, promise: str, details: Mapping[str, object], where: tuple[Frame, ...]) -> None:
        """A promise did not hold: emitted once per iteration, with the flight file as it is now."""
        with self._lock:
            first = promise not in self._promises
            self._promises.add(promise)
        if first and not self.stop.is_told(promise) and self._may_emit():
            if self.has_found() and self._phase() in _AFTERMATH:
                self._say_also(promise, details)
            else:
                self._emit_broken(promise, details, where)
            self.stop.tell(promise)
        self._end_iteration()

    def _emit_broken(self, promise: str, details: Mapping[str, object], where: tuple[Frame, ...]) -> None:
        self._emitter.emit(
            PromiseBroken(
                t=time.time(),
                worker=self._worker,
                iteration=self.iteration,
                thread=self._thread(),
                doing=self._slots.doing(),
                phase=self._phase(),
                promise=str(promise),
                guarantee=guarantee_of(promise),
                details={str(name): frames.shown(value) for name, value in details.items()},
                frames=where,
                ring=self._keep_ring(),
            )
        )

    def _say_also(self, promise: str, details: Mapping[str, object]) -> None:
        """Keep what the finding has most likely brought about as text: one bug is one finding, not five."""
        shown = ", ".join(f"{name}={frames.shown(value)}" for name, value in details.items())
        with contextlib.suppress(Exception):  # stderr is the target's as much as ours
            sys.stderr.write(f"after a finding, {self._thread()} also found broken: {promise} ({shown})\n")

    def report_raised(self, error: BaseException, *, doing: str | None = None) -> None:
        """An exception that nothing expected, in the calling thread."""
        if self._may_emit():
            event = Raised(
                t=time.time(),
                worker=self._worker,
                iteration=self.iteration,
                thread=self._thread(),
                doing=self._slots.doing() if doing is None else doing,
                phase=self._phase(),
                error=frames.error_name(error),
                message=frames.error_message(error),
                traceback=frames.error_text(error),
                frames=frames.of_traceback(error.__traceback__),
                ring=self._keep_ring(),
            )
            self._emitter.emit(event)
        self._end_iteration()

    def tell(self, text: str) -> None:
        """Say something to people that is no finding."""
        self._emitter.emit(Note(t=time.time(), text=text))

    def catch_threads(self) -> None:
        """Report what ends the target's own threads; Python's words still go to stderr."""
        print_it = threading.excepthook

        def report(args: threading.ExceptHookArgs, /) -> None:
            if args.exc_type is not SystemExit and args.exc_value is not None:
                self.report_raised(args.exc_value)
            print_it(args)

        threading.excepthook = report

    def _may_emit(self) -> bool:
        with self._lock:
            self._emitted += 1
            return self._emitted <= MOST_FINDINGS

    def _end_iteration(self) -> None:
        self._found = True
        self.stop.set_found()

    def _phase(self) -> Phase:
        return self._flight.phase

    def _thread(self) -> str:
        pid = os.getpid()
        if pid == self._pid:
            return thread_name()
        return self._process or f"process {pid}"

    def _keep_ring(self) -> str:
        contents = self._flight.copy()
        name = f"ring-{next(self._numbers)}.flight"
        if os.getpid() != self._pid:
            name = f"ring-{os.getpid()}-{name[5:]}"
        try:
            (self.folder / name).write_bytes(contents)
        except OSError:  # a full disk must not cost the finding itself
            return ""
        return name
