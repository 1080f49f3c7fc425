"""Many occurrences of one canary, as nights would sight them.

One run shows most canaries as often as it is let. A leak is told once for each worker and takes many
iterations to show: it gets a run for each occurrence.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from soak.canaries.canary import Canary
from soak.cli.selection import select
from soak.cli.session import execute, fresh_seed, interpreter_of, locked
from soak.events import Event, Kind, Sighted
from soak.supervisor.plan import HANG_AFTER_S, Plan
from soak.supervisor.run import View

#: More than there is time for. A bounded run starts a worker as soon as the one before has ended.
_ITERATIONS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was sighted in which run."""

    run: str
    sighted: Sighted

    @property
    def moment(self) -> tuple[str, int, int]:
        """The iteration: of which run, worker and number."""
        return (self.run, self.sighted.worker, self.sighted.iteration)


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
        return len({(sighted.worker, sighted.iteration) for sighted in self.seen}) >= self._wanted


def collect(canary: Canary, wanted: int, out: Path, *, seconds: float) -> tuple[tuple[Seen, ...], str]:
    """All that runs sight in ``seconds``, or until ``wanted`` iterations have sighted something; and why
    the canary cannot run on this machine, or ""."""
    until = time.monotonic() + seconds
    once = Kind.LEAK in canary.expect
    seen: list[Seen] = []
    with locked(out, 0.0):
        interpreter = interpreter_of("", out)
        selection = select([canary.scenario], interpreter)
        if not selection.entries:
            return (), "; ".join(f"{skip.reason}; {skip.remedy}" for skip in selection.skipped)
        while occurrences(seen) < wanted and time.monotonic() < until:
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
            view = Enough(1 if once else wanted - occurrences(seen), until - time.monotonic())
            run = execute(plan, interpreter, argv=["benchmark"], environment={}, views=_only(view))
            seen += [Seen(run=run.folder.name, sighted=sighted) for sighted in view.seen]
        return tuple(seen), ""


def _only(view: View) -> Callable[[object], list[View]]:
    return lambda _progress: [view]


def occurrences(seen: Iterable[Seen]) -> int:
    """How many iterations of workers sighted something: several faces of one moment are one occurrence."""
    return len({each.moment for each in seen})
