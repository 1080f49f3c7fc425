"""What a host of interpreters owes its callers: each promise stated once, and looked at by its effects.

Standard library only: the host is handed in.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

from soak.author import Refused, always, guarantee
from soak.targets import interpreters
from soak.targets.interpreter_guest import BootstrapFailed, Departure, Guest, GuestState
from soak.targets.interpreters import InterpreterBusy, ScriptFailed
from soak.targets.pace import Pace

if TYPE_CHECKING:
    from soak.targets.interpreter_host import InterpreterHost

#: What stands or falls together: one defect breaks whichever of its promises the schedule comes to first.
DESTROY = guarantee("a guest that is destroyed is gone, or told as leaked until it is")

CALL_BOUNDED = "spawn, destroy, reap and close return in bounded time, whatever the guests do"
HEARD = "what a bootstrap raises reaches the parent"
FAILS_ITSELF = "what a script raises reaches who submitted it, and the guest works on"
GONE_IS_TRUE = DESTROY.promise("a guest that is said to be gone has neither a driver nor an interpreter")
OBEYS = DESTROY.promise("a guest whose script ends when it is cancelled is gone after a destroy")
LEAK_IS_TOLD = DESTROY.promise(
    "a guest whose driver does not come out is told as leaked, and kept in the census"
)
REAPED = DESTROY.promise("a leaked guest is gone once its driver has come out")
BUSY_RAISES = "an interpreter that runs is not destroyed, and runs on"
NOTHING_LEFT = "no interpreter and no driver is left once a host is closed"

#: Seconds that a call may take besides what it is told to wait for, while the processor is to be had.
CALL_WITHIN = 3.0
#: Seconds that a guest has for what takes it milliseconds.
PATIENCE = 20.0
#: Work that ends soon once it is cancelled.
OBEDIENT_SCRIPT = "while not cancelled(0.005): pass"


class Hosting:
    """One host's callers. Thread-safe."""

    def __init__(self, host: InterpreterHost) -> None:
        self.host = host
        self.pace = Pace()
        self._baseline = interpreters.count()

    @contextmanager
    def timed(self, name: str, timeout: float = 0.0) -> Iterator[None]:
        """``with`` it around a call that may wait ``timeout`` seconds and should return soon after."""
        with self.pace.timed(name, CALL_BOUNDED, timeout + CALL_WITHIN):
            yield

    def spawn(self, bootstrap: str = "") -> Guest | Refused:
        """A guest whose bootstrap works."""
        with self.timed("spawn"):
            return self.host.spawn(bootstrap, PATIENCE)

    def spawn_in_vain(self, bootstrap: str, kind: str) -> Refused | None:
        """A guest whose bootstrap raises ``kind``: the parent hears it, soon."""
        heard: object = "nothing"
        try:
            with self.timed("spawn in vain"):
                guest = self.host.spawn(bootstrap, PATIENCE)
            if isinstance(guest, Refused):
                return guest
        except BootstrapFailed as error:
            heard = error.__cause__
        always(
            isinstance(heard, ScriptFailed) and heard.kind == kind, HEARD, bootstrap=bootstrap, heard=heard
        )
        return None

    def run(self, guest: Guest, script: str) -> bool:
        """Run a script to its end; False where the guest was leaving."""
        try:
            guest.submit(script).result(PATIENCE)
        except CancelledError:
            return False
        return True

    def run_in_vain(self, guest: Guest, kind: str, said: str) -> None:
        """A script that raises, and one after it."""
        heard = ended_by(guest.submit(f"raise {kind}({said!r})"))
        own = isinstance(heard, ScriptFailed) and (heard.kind, heard.said) == (kind, said)
        always(own and ended_by(guest.submit("pass")) is None, FAILS_ITSELF, heard=heard)

    def destroy(self, guest: Guest, timeout: float = PATIENCE, *, obeys: bool = True) -> Departure:
        """``destroy``; the reply is true. With ``obeys``, the guest's scripts end once they are cancelled."""
        with self.timed("destroy", timeout):
            departure = self.host.destroy(guest, timeout)
        if departure.gone:
            nobody = guest.thread is None or not guest.thread.is_alive()
            nothing = guest.interpreter is None or not interpreters.is_running(guest.interpreter)
            always(nobody and nothing, GONE_IS_TRUE, departure=departure)
        if obeys:
            always(departure.state is not GuestState.LEAKED, OBEYS, departure=departure)
        return departure

    def destroy_stuck(self, guest: Guest, release: Callable[[], None], timeout: float) -> Departure:
        """``destroy`` of a guest that is stuck until ``release`` is called; then it is looked after."""
        departure = self.destroy(guest, timeout, obeys=False)
        known = guest in self.host.census().leaked
        always(departure.state is GuestState.LEAKED and known, LEAK_IS_TOLD, departure=departure)
        release()
        with self.timed("reap", PATIENCE):
            self.host.destroy(guest, PATIENCE)
        always(guest.state is GuestState.GONE, REAPED, guest=guest)
        return departure

    def destroy_bare(self, guest: Guest) -> None:
        """The interpreter itself refuses to be destroyed while it runs."""
        assert guest.interpreter is not None
        try:
            interpreters.destroy(guest.interpreter)
        except InterpreterBusy:
            return
        always(False, BUSY_RAISES, guest=guest)

    def close(self, timeout: float = PATIENCE) -> bool:
        """``close`` of a host whose guests all obey: counts come back to what they were."""
        with self.timed("close", timeout):
            left = self.host.close(timeout)
        census, count = self.host.census(), interpreters.count()
        nothing = not (left or census.guests or census.drivers) and count == self._baseline
        return always(nothing, NOTHING_LEFT, census=census, interpreters=count, baseline=self._baseline)


class Gate:
    """What a script waits at, in native code with the GIL released, deaf to cancels, until it is opened."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._inside_read, self._inside_write = os.pipe()

    @property
    def script(self) -> str:
        """Says that it is there, and waits."""
        return f"import os\nos.write({self._inside_write}, b'.')\nos.read({self._read}, 1)\n"

    @property
    def arrival(self) -> str:
        """Only says that it is there."""
        return f"import os\nos.write({self._inside_write}, b'.')\n"

    def wait_arrived(self) -> None:
        """Wait until a script is there."""
        os.read(self._inside_read, 1)

    def open(self) -> None:
        """Let one through, now or when it comes."""
        os.write(self._write, b".")

    def close(self) -> None:
        """Once nobody waits at it."""
        for descriptor in (self._read, self._write, self._inside_read, self._inside_write):
            os.close(descriptor)


def ended_by(future: Future[None]) -> BaseException | None:
    """What a script raised; None if nothing."""
    return future.exception(PATIENCE)


def idle_former_driver(own_gil: bool, script: str) -> tuple[interpreters.Interpreter, Callable[[], None]]:
    """An interpreter whose driver has left it but idles on, and what lets that thread end."""
    made: Future[interpreters.Interpreter] = Future()
    leave = threading.Event()

    def drive() -> None:
        interpreter = interpreters.create(own_gil=own_gil)
        interpreters.execute(interpreter, script)
        made.set_result(interpreter)
        leave.wait()

    thread = threading.Thread(target=drive, name="former driver", daemon=True)
    thread.start()

    def end() -> None:
        leave.set()
        thread.join()

    return made.result(PATIENCE), end
