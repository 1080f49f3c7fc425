"""The interpreter host and the cancellation host with one defect planted in each.

Each is a subclass that overrides one step. A docstring's first line names the defect; the promise that it
breaks is in ``soak.targets.interpreter_oracle``, ``soak.targets.interpreter_promises`` or the scenario.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait

from soak.targets.cancel_cells import Cause
from soak.targets.cancel_host import CancelHost
from soak.targets.cancel_runtime import CancelRuntime
from soak.targets.interpreter_guest import Guest
from soak.targets.interpreter_host import InterpreterHost


class DestroyInside(InterpreterHost):
    """An interpreter is destroyed with its driver's thread still inside."""

    def _wait_driver(self, guest: Guest, timeout: float) -> bool:
        return True


class UnboundedJoin(InterpreterHost):
    """A driver is joined without a time-out: one that is stuck holds up its host for ever."""

    def _wait_driver(self, guest: Guest, timeout: float) -> bool:
        assert guest.thread is not None
        guest.thread.join()
        return True


class UnheardBootstrap(InterpreterHost):
    """What a bootstrap raises ends the driver, and nobody hears it: the parent waits for ever."""

    def _tell_failed(self, guest: Guest, error: Exception) -> None:
        pass

    def _wait_ready(self, guest: Guest, timeout: float) -> None:
        guest.ready.result()


class PooledDriver(InterpreterHost):
    """Drivers come from a pool: a thread that drove one interpreter idles on, and drives the next one."""

    def __init__(self, **options: bool) -> None:
        super().__init__(**options)
        self._pool = ThreadPoolExecutor(thread_name_prefix="pooled-driver")
        self._done: dict[str, Future[None]] = {}

    def _start_driver(self, guest: Guest, bootstrap: str) -> None:
        self._done[guest.name] = self._pool.submit(self._drive, guest, bootstrap)

    def _wait_driver(self, guest: Guest, timeout: float) -> bool:
        return bool(wait([self._done[guest.name]], timeout).done)


class _Swallowing(CancelRuntime):
    def _keep(self, cause: Cause) -> None:
        if cause is not Cause.SIGINT:
            super()._keep(cause)


class SwallowsCtrlC(CancelHost):
    """A shielded section swallows a Ctrl-C instead of keeping it until it is over."""

    runtime = _Swallowing
