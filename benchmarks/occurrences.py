"""Many occurrences of one canary out of one run, as a night would sight them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from soak.canaries.canary import Canary
from soak.cli.selection import select
from soak.cli.session import execute, fresh_seed, interpreter_of, locked
from soak.events import Event, Sighted
from soak.supervisor.plan import HANG_AFTER_S, Plan

#: More than there is time for. A bounded run starts a worker as soon as the one before has ended.
_ITERATIONS = 1_000_000


class Enough:
    """A view that interrupts its run once ``wanted`` iterations of workers have sighted something, or after
    ``seconds``: a budget's own end waits until each scenario has proved something."""

    def __init__(self, wanted: int, seconds: float) -> None:
        self.seen: list[Sighted] = []
        self._wanted = wanted
        self._until = time.monotonic() + seconds
        self._asked = False

    def see(self, event: Event) -> None:
        # What an interrupt cuts short is no whole sighting: a hang whose stacks nobody had the time to read.
        if isinstance(event, Sighted) and not self._asked:
            self.seen.append(event)

    def tick(self) -> None:
        # On a tick, so that all faces of the last moment are in.
        if not self._asked and (self._has_enough() or time.monotonic() >= self._until):
            self._asked = True
            os.kill(os.getpid(), signal.SIGINT)

    def _has_enough(self) -> bool:
        return occurrences(self.seen) >= self._wanted


def collect(canary: Canary, wanted: int, out: Path, *, seconds: float) -> tuple[tuple[Sighted, ...], str]:
    """All that a run sights in ``seconds``, or until ``wanted`` iterations have sighted something; and why
    the canary cannot run on this machine, or ""."""
    with locked(out, 0.0):
        interpreter = interpreter_of("", out)
        selection = select([canary.scenario], interpreter)
        if not selection.entries:
            return (), "; ".join(f"{skip.reason}; {skip.remedy}" for skip in selection.skipped)
        plan = Plan(
            entries=selection.entries,
            seed=fresh_seed(),
            jobs=1,
            out=out,
            count=_ITERATIONS,
            target=canary.target,
            hang_after=canary.hang_after or HANG_AFTER_S,
            hang_after_given=canary.hang_after is not None,
            perturb=canary.perturb,
            guard_malloc=canary.guard_malloc,
        )
        view = Enough(wanted, seconds)
        execute(plan, interpreter, argv=["benchmark"], environment={}, views=lambda _progress: [view])
        return tuple(view.seen), ""


def occurrences(sightings: list[Sighted] | tuple[Sighted, ...]) -> int:
    """How many iterations of workers sighted something: several faces of one moment are one occurrence."""
    return len({(sighted.worker, sighted.iteration) for sighted in sightings})
