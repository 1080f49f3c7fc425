"""A host that runs work in subinterpreters: each is driven by a thread of its own, which ends before destroy.

What CPython does badly here, the host arranges around (see :mod:`soak.targets.interpreters`): an interpreter
is made, entered and left by one thread; that thread says good-bye inside, once every thread that was started
in there has ended; then it ends itself, is joined for a bounded time, and only then is the interpreter
destroyed. A driver that does not come out is reported as leaked, not waited for, and looked after later by
:meth:`InterpreterHost.reap`.

Standard library only.
"""

from __future__ import annotations

import atexit
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from soak.author import Refused, beat, doing
from soak.targets.interpreter_guest import FAREWELL, BootstrapFailed, Departure, Guest, GuestState
from soak.targets.interpreter_oracle import InterpreterOracle
from soak.targets.interpreters import OWN_GIL, InterpreterBusy, ScriptFailed

#: Seconds that one look at the threads inside waits for each of them.
_FAREWELL_WAIT = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What a host has now: guests that live or leave, those that leaked, and drivers whose threads run."""

    guests: tuple[Guest, ...]
    leaked: tuple[Guest, ...]
    drivers: tuple[str, ...]


class InterpreterHost:
    """Makes guests, runs their scripts, sees them off. Thread-safe; every method returns in bounded time."""

    def __init__(self, *, own_gil: bool = OWN_GIL) -> None:
        """No interpreter yet. What is still there when the process ends is closed then."""
        self.own_gil = own_gil
        self.oracle = InterpreterOracle()
        self._lock = threading.Lock()
        self._guests: dict[str, Guest] = {}
        self._numbers = itertools.count(1)
        self._closed = False
        atexit.register(self.close)

    def spawn(self, bootstrap: str = "", timeout: float = 10.0) -> Guest | Refused:
        """Make a guest and run ``bootstrap`` in it; refused once the host is closed.

        Raises:
            BootstrapFailed: the bootstrap raised, or has not ended after ``timeout`` seconds.
        """
        with doing("spawn"):
            with self._lock:
                if self._closed:
                    return Refused(what="spawn", because="the host is closed", remedy="make a new host")
                guest = Guest(f"guest-{next(self._numbers)}", own_gil=self.own_gil)
                self._start_driver(guest, bootstrap)
                self._guests[guest.name] = guest
            try:
                self._wait_ready(guest, timeout)
            except Exception as error:
                self.destroy(guest)
                raise BootstrapFailed(f"{guest.name} did not come up") from error
            return guest

    def destroy(self, guest: Guest, timeout: float = 2.0) -> Departure:
        """Ask the driver to come out, wait for it ``timeout`` seconds, and destroy the interpreter."""
        with doing("destroy"):
            with self._lock:
                mine = guest.state in (GuestState.LIVE, GuestState.LEAKED)
                if mine:
                    guest.state = GuestState.LEAVING
            if mine:
                guest.cancel()
                self._see_off(guest, timeout)
            return Departure(guest=guest.name, state=guest.state, inside=guest.doing)

    def reap(self, timeout: float = 0.0) -> tuple[Guest, ...]:
        """Destroy leaked guests whose drivers have come out by now; returns those that are still leaked.

        Waits at most ``timeout`` seconds for each.
        """
        for guest in self.census().leaked:
            self.destroy(guest, timeout)
        return self.census().leaked

    def close(self, timeout: float = 2.0) -> tuple[Guest, ...]:
        """Spawn no more, and destroy all guests; returns those that leaked, ``timeout`` seconds later."""
        with doing("close"):
            with self._lock:
                self._closed = True
                guests = tuple(self._guests.values())
            until = time.monotonic() + timeout
            for guest in guests:
                guest.cancel()
            for guest in guests:
                self.destroy(guest, max(0.0, until - time.monotonic()))
            left = self.census().leaked
            if not left:
                atexit.unregister(self.close)
            return left

    def census(self) -> Census:
        """A look at everybody, at one moment."""
        with self._lock:
            guests = tuple(self._guests.values())
            return Census(
                guests=tuple(each for each in guests if each.state is not GuestState.LEAKED),
                leaked=tuple(each for each in guests if each.state is GuestState.LEAKED),
                drivers=tuple(each.name for each in guests if each.thread and each.thread.is_alive()),
            )

    # -- steps of a departure ------------------------------------------------------------------------------

    def _see_off(self, guest: Guest, timeout: float) -> None:
        """Take ``guest``, which is LEAVING, to GONE or LEAKED."""
        state = GuestState.LEAKED
        if self._wait_driver(guest, timeout):
            try:
                if guest.interpreter is not None:
                    self.oracle.destroy(guest.interpreter)
                state = GuestState.GONE
            except InterpreterBusy as error:
                guest.doing = f"not destroyed: {error}"
        with self._lock:
            guest.state = state
            if state is GuestState.GONE:
                del self._guests[guest.name]
                guest.forget()

    def _wait_driver(self, guest: Guest, timeout: float) -> bool:
        """Whether the driver's thread has ended, after ``timeout`` seconds at most."""
        assert guest.thread is not None
        guest.thread.join(max(0.0, timeout))
        return not guest.thread.is_alive()

    def _wait_ready(self, guest: Guest, timeout: float) -> None:
        """Wait for the bootstrap's end, and raise what it raised."""
        try:
            guest.ready.result(timeout)
        except FutureTimeout:
            raise InterpreterBusy(f"its bootstrap has not ended within {timeout} s") from None

    # -- the driver's thread -------------------------------------------------------------------------------

    def _start_driver(self, guest: Guest, bootstrap: str) -> None:
        # A daemon, so that a guest that never comes out cannot keep the process from ending.
        guest.thread = threading.Thread(
            target=self._drive, args=(guest, bootstrap), name=f"driver of {guest.name}", daemon=True
        )
        guest.thread.start()

    def _drive(self, guest: Guest, bootstrap: str) -> None:
        """The driver's life: make, boot, work, say good-bye."""
        try:
            self._boot(guest, bootstrap)
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent waits for it
            self._tell_failed(guest, error)
        else:
            guest.ready.set_result(None)
            self._work(guest)
        guest.doing = "saying good-bye"
        while guest.interpreter is not None and not self._say_goodbye(guest):
            time.sleep(_FAREWELL_WAIT)
        guest.doing = "gone"

    def _tell_failed(self, guest: Guest, error: Exception) -> None:
        guest.ready.set_exception(error)

    def _boot(self, guest: Guest, bootstrap: str) -> None:
        with doing("bootstrap"):
            guest.interpreter = self.oracle.create(own_gil=guest.own_gil)
            self.oracle.execute(guest.interpreter, guest.prelude())
            self.oracle.execute(guest.interpreter, bootstrap)

    def _work(self, guest: Guest) -> None:
        guest.doing = "idle"
        while (job := guest.next_job()) is not None:
            script, done = job
            if done.set_running_or_notify_cancel():
                guest.doing = "running"
                self._run(guest, script, done)
                guest.doing = "idle"
                beat()

    def _run(self, guest: Guest, script: str, done: Future[None]) -> None:
        assert guest.interpreter is not None
        try:
            with doing("script"):
                self.oracle.execute(guest.interpreter, script)
        except (ScriptFailed, InterpreterBusy) as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    def _say_goodbye(self, guest: Guest) -> bool:
        """Whether no thread is left inside but this one."""
        assert guest.interpreter is not None
        try:
            self.oracle.execute(guest.interpreter, FAREWELL.format(seconds=_FAREWELL_WAIT))
        except (ScriptFailed, InterpreterBusy) as error:
            guest.doing = f"waiting for threads inside ({error})"
            return False
        return True


#: How a host is made: the class, or a canary of it.
MakeHost = Callable[..., InterpreterHost]
