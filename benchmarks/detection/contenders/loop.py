"""Running the program again and again: plainly, with a short switch interval, with noise at its lines."""

from __future__ import annotations

import functools
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.detection.case import Case
from benchmarks.detection.hunt import Hunt
from benchmarks.detection.kernel import Kernel
from soak.worker.perturb import Files, Perturber

_LOOK = 0.02  # seconds between two looks at the loop
_STILL = 0.5  # seconds without any thread's moving that make a deadlock
_SHORT = 1e-6  # the shortest switch interval that CPython takes


@dataclass(slots=True)
class _Count:
    """Where the loop is; written by its thread, read by who watches."""

    schedules: int = 0
    found: str | None = None


class Loop:
    """A loop of real executions. ``prepare`` is told each one's seed before it begins."""

    seeded = True
    launcher: tuple[str, ...] = ()

    def __init__(self, name: str, begin: Callable[[Kernel], Callable[[str], None]]) -> None:
        self.name = name
        self._begin = begin

    def missing(self) -> str | None:
        return None

    def hunt(self, kernel: Kernel, program: type[Case], seed: int, seconds: float) -> Iterator[Hunt]:
        prepare, count = self._begin(kernel), _Count()
        began = time.perf_counter()
        until = began + seconds
        thread = threading.Thread(
            target=_execute, args=(program, prepare, seed, until, count), name="loop", daemon=True
        )
        thread.start()
        stuck = _watch(thread)
        yield Hunt(
            kernel=kernel.name,
            contender=self.name,
            seed=seed,
            schedules=count.schedules,
            seconds=time.perf_counter() - began,
            found="deadlock" if stuck else count.found,
            ended=False,
            stuck=stuck,
        )


def _execute(
    program: type[Case], prepare: Callable[[str], None], seed: int, until: float, count: _Count
) -> None:
    for number in itertools.count():
        if time.perf_counter() > until:
            return
        count.schedules += 1
        prepare(f"{seed}:{number}")
        try:
            program.run()
        except Exception as error:
            count.found = type(error).__name__
            return


def _watch(thread: threading.Thread) -> bool:
    """Wait for the loop's end. Returns True as soon as no thread has moved for a while."""
    seen, since = _places(), time.perf_counter()
    while thread.is_alive():
        thread.join(_LOOK)
        now = _places()
        if now != seen:
            seen, since = now, time.perf_counter()
        elif time.perf_counter() - since > _STILL:
            return thread.is_alive()
    return False


def _places() -> dict[int, tuple[int, int]]:
    own = threading.get_ident()
    return {
        ident: (id(frame), frame.f_lasti) for ident, frame in sys._current_frames().items() if ident != own
    }


def _plain(_kernel: Kernel) -> Callable[[str], None]:
    return lambda _seed: None


def _short_switches(_kernel: Kernel) -> Callable[[str], None]:
    sys.setswitchinterval(_SHORT)
    return lambda _seed: None


@functools.cache  # a process has one tool for its line events
def _noise(kernel: Kernel) -> Callable[[str], None]:
    """What ``soak run --perturb heavy`` does."""
    perturber = Perturber("heavy", Files(files=frozenset({kernel.file})))
    perturber.install()
    return perturber.activate


LOOPS = (Loop("noise", _noise), Loop("interval", _short_switches), Loop("plain", _plain))
