"""Whether an iteration left something behind: compares what lives at rest with the baseline.

The worker's first iterations warm up and set the baseline. Later, a thread that was started in an iteration
and outlives it is left over; of descriptors, children and files it is their number that must come back. What
is still there after a bounded wait is reported once per name and site, and then belongs to the baseline.

Standard library only.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

from soak.events import Residue
from soak.worker.residue import Thing, finders

#: Iterations of a worker that may open what stays open: caches, pools, a renderer's threads.
WARM_UP = 2
#: Seconds that threads and processes have for ending after teardown.
SETTLE = 2.0
#: Seconds that the kernel has for taking away a thread that Python has already joined.
ENDING = 0.005
_FIRST_WAIT, _LONGEST_WAIT = 0.001, 0.05
_MOST_ITEMS = 20


class Account:
    """One resource: what was there, what is known, what has been reported."""

    def __init__(self, resource: str, find: Callable[[], list[Thing]]) -> None:
        self.resource = resource
        self._find = find
        self._known: set[object] = set()
        self.baseline = 0
        self._reported: set[tuple[str, str]] = set()
        self._suspected: set[tuple[str, str]] = set()

    def accept(self) -> None:
        """What is there now is the baseline."""
        things = self._find()
        self.baseline = max(self.baseline, len(things))
        self._known = {thing.key for thing in things}

    def excess(self) -> list[Thing]:
        """What is there beyond the baseline; empty if all is well."""
        things = self._find()
        new = [thing for thing in things if thing.key not in self._known]
        grown = len(things) - self.baseline
        if grown <= 0:
            # A thread is told by its birth: one left in the warm-up that ends now must not hide another.
            new = [thing for thing in new if thing.born is not None and thing.born >= WARM_UP]
            if not new:
                self._known = {thing.key for thing in things}
        return new

    def matters(self, excess: list[Thing]) -> bool:
        """Whether waiting for these to go could still spare a report."""
        return any(thing.pattern not in self._reported for thing in excess)

    def settle_up(self, excess: list[Thing]) -> list[Thing]:
        """The excess that is to be reported now. All of it belongs to the baseline from here on."""
        before = self.baseline
        self.accept()
        self.baseline = max(before, self.baseline)
        fresh: dict[tuple[str, str], Thing] = {}
        for thing in excess:
            if thing.slow and thing.pattern not in self._suspected:
                self._suspected.add(thing.pattern)
            elif thing.pattern not in self._reported:
                fresh[thing.pattern] = thing
        self._reported.update(fresh)
        return list(fresh.values())


class RestKeeper:
    """Looks after every iteration for what it left behind."""

    def __init__(
        self,
        worker: int,
        folder: Path,
        emit: Callable[[Residue], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = worker
        self._emit = emit
        self._clock = clock
        self._accounts = [Account(resource, find) for resource, find in finders(folder).items()]
        self._measured = 0

    def measure(self, iteration: int) -> None:
        """Compare with the baseline, wait for a straggler a bounded time, and report what stays."""
        self._measured += 1
        if self._measured <= WARM_UP:
            time.sleep(ENDING)
            for account in self._accounts:
                account.accept()
            return
        excess = [account.excess() for account in self._accounts]
        if any(account.matters(items) for account, items in zip(self._accounts, excess, strict=True)):
            excess = self._wait_settled()
        for account, items in zip(self._accounts, excess, strict=True):
            if items:
                self._report(iteration, account, items)

    def _wait_settled(self) -> list[list[Thing]]:
        gc.collect()  # what only the collector frees is late, not left behind
        until = self._clock() + SETTLE
        wait = _FIRST_WAIT
        while True:
            excess = [account.excess() for account in self._accounts]
            if not any(excess) or self._clock() >= until:
                return excess
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _report(self, iteration: int, account: Account, excess: list[Thing]) -> None:
        before = account.baseline
        items = account.settle_up(excess)
        if items:
            resource = "thread" if account.resource == "native thread" else account.resource
            self._emit(
                Residue(
                    t=time.time(),
                    worker=self._worker,
                    iteration=iteration,
                    resource=resource,
                    before=before,
                    after=max(account.baseline, before + len(excess)),
                    items=tuple(thing.left_over() for thing in items[:_MOST_ITEMS]),
                )
            )
