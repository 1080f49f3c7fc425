"""From silence to a kill, each step bounded: look from outside, dump from inside, abort for a core, kill.

The order matters. A look from outside (pystack) cannot hurt a healthy process; a dump from inside can kill
one whose threads come and go, so it comes last and taints whatever the process dies of afterwards.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from soak.events import Blocked, Frame, Stuck
from soak.supervisor import native
from soak.supervisor.errand import Errand
from soak.supervisor.halted import stand
from soak.supervisor.loop import Loop
from soak.supervisor.watch import Suspicion, process_of
from soak.supervisor.worker import FAULT, NATIVE, Worker

_DUMP_LIMIT_S = 1.0
_DUMP_POLL_S = 0.02
_CORE_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the ladder found out: the stuck thread's event, its frames, whom the others wait for, and why
    there is no native stack."""

    stuck: Stuck
    iteration: int
    frames: tuple[Frame, ...]
    blocked: tuple[Blocked, ...]
    problem: str


class Ladder:
    """Climbs for one worker; ``report`` is called once, before the worker is killed."""

    def __init__(
        self, loop: Loop, worker: Worker, suspicion: Suspicion, report: Callable[[Diagnosis], None]
    ) -> None:
        self._loop = loop
        self._worker = worker
        self._suspicion = suspicion
        self._report = report
        self._reported = False
        self._stacks: tuple[native.ThreadStack, ...] = ()
        self._snapshot = worker.flight.snapshot()
        self._looked = loop.clock()
        self._problem = ""
        self._dump_size = -1
        self._dump_deadline = 0.0
        self._over = False
        Errand(
            loop,
            native.remote_command(process_of(worker.pid, suspicion.native_id)),
            worker.folder / NATIVE,
            limit=native.REMOTE_SECONDS,
            done=self._looked_from_outside,
        )

    def worker_ended(self) -> None:
        """The worker died on the way up: tell what was learned by then."""
        self._tell()
        self._over = True

    def _looked_from_outside(self, code: int | None) -> None:
        if self._over:
            return
        text = self._worker.text(NATIVE)
        if code == 0:
            self._stacks = native.parse(text)
        else:
            late = f"pystack did not answer within {native.REMOTE_SECONDS:.0f} s"
            self._problem = late if code is None else native.explain(text)
            # What pystack said instead of stacks is no native stack: the core's will take its place.
            (self._worker.folder / NATIVE).unlink(missing_ok=True)
            self._worker.native_problem = self._problem
        self._worker.dump_began = True
        self._dump_deadline = self._loop.clock() + _DUMP_LIMIT_S
        self._worker.signal(signal.SIGUSR1)
        self._loop.later(_DUMP_POLL_S, self._wait_for_dump)

    def _wait_for_dump(self) -> None:
        """A dump is whole when the file has something and has stopped growing."""
        if self._over:
            return
        size = 0
        with contextlib.suppress(OSError):
            size = (self._worker.folder / FAULT).stat().st_size
        whole = size > 0 and size == self._dump_size
        self._dump_size = size
        if not whole and self._loop.clock() < self._dump_deadline:
            self._loop.later(_DUMP_POLL_S, self._wait_for_dump)
            return
        self._tell()
        if self._problem and self._worker.spec.cores:
            self._worker.asked = self._worker.asked or "hang"
            self._worker.signal(signal.SIGABRT)
            self._loop.later(_CORE_LIMIT_S, self._kill)
        else:
            self._kill()

    def _kill(self) -> None:
        if not self._over:
            self._worker.kill("hang")

    def _tell(self) -> None:
        if self._reported:
            return
        self._reported = True
        suspicion, dump = self._suspicion, self._worker.text(FAULT)
        where = stand(suspicion, self._snapshot, self._looked, self._stacks, dump)
        self._report(
            Diagnosis(
                stuck=Stuck(
                    t=time.time(),
                    worker=self._worker.spec.worker,
                    thread=suspicion.thread,
                    doing=suspicion.doing,
                    phase=suspicion.phase,
                    seconds=suspicion.seconds,
                    starved=suspicion.starved,
                    hog=suspicion.hog,
                    others=suspicion.others,
                ),
                iteration=self._worker.flight.snapshot().iteration,
                frames=where.frames,
                blocked=where.blocked,
                problem=self._problem,
            )
        )
