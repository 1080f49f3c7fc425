"""Who has been inside which interpreter: looks at every call of a host that could break an interpreter.

Between a host and the interpreters, so that a host is judged by what it does. Where a promise is broken the
native call is not made: it would kill the process, or never return, and tell less.

Standard library only.
"""

from __future__ import annotations

import threading

from soak.author import always, guarantee
from soak.targets import interpreters
from soak.targets.interpreters import Interpreter, InterpreterBusy

DRIVER = guarantee("an interpreter has a thread of its own, which ends before it does")
DRIVER_GONE = DRIVER.promise("an interpreter is destroyed only after its driver's thread has ended")
ONE_DRIVER = DRIVER.promise("an interpreter is driven by one thread only, which drives no other")
ONCE = "an interpreter is destroyed exactly once"


class InterpreterOracle:
    """Passes calls on to :mod:`soak.targets.interpreters`, and remembers threads. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drivers: dict[Interpreter, set[threading.Thread]] = {}
        self._driven: dict[threading.Thread, Interpreter] = {}

    def create(self, *, own_gil: bool) -> Interpreter:
        """Make an interpreter, in the thread that is going to drive it."""
        me = threading.current_thread()
        with self._lock:
            other = self._driven.get(me)
        always(other is None, ONE_DRIVER, thread=me.name, other=other and other.number)
        interpreter = interpreters.create(own_gil=own_gil)
        with self._lock:
            self._drivers[interpreter] = {me}
            self._driven[me] = interpreter
        return interpreter

    def execute(self, interpreter: Interpreter, script: str) -> None:
        """Run ``script``.

        Raises:
            ScriptFailed: the script raised.
            InterpreterBusy: it runs something else, or may not be entered by this thread.
        """
        if not self._may_enter(interpreter):
            raise InterpreterBusy("it is another thread's")
        interpreters.execute(interpreter, script)

    def destroy(self, interpreter: Interpreter) -> None:
        """Destroy the interpreter.

        Raises:
            InterpreterBusy: it runs, its driver has not ended, or it is gone.
        """
        with self._lock:
            drivers = self._drivers.pop(interpreter, None)
        if not always(drivers is not None, ONCE, interpreter=interpreter.number) or drivers is None:
            raise InterpreterBusy("it was destroyed before")
        inside = [thread.name for thread in drivers if thread.is_alive()]
        if not always(not inside, DRIVER_GONE, interpreter=interpreter.number, inside=inside):
            raise InterpreterBusy(f"{', '.join(inside)} is inside")
        with self._lock:
            for thread in drivers:
                self._driven.pop(thread, None)
        interpreters.destroy(interpreter)

    def _may_enter(self, interpreter: Interpreter) -> bool:
        me = threading.current_thread()
        with self._lock:
            drivers = self._drivers.setdefault(interpreter, set())
            drivers.add(me)
            own = drivers == {me} and self._driven.get(me) is interpreter
        return always(own, ONE_DRIVER, interpreter=interpreter.number, thread=me.name)
