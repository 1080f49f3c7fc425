"""Other people's schedulers from PyPI. They take part where they are installed; soak installs none."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.detection.case import Case, Work
from benchmarks.detection.contenders.contender import Contender
from benchmarks.detection.hunt import Hunt
from benchmarks.detection.kernel import Kernel

_REPLAYS = 3
#: Seconds after which frontrun calls a thread that does not come back deadlocked: its own 5 s would be most
#: of the budget.
_DEADLOCK = 1.0
_MANY = 1_000_000


class _State:
    """A program's state as frontrun wants it: set up, worked on by threads that it starts, and judged."""

    def __init__(self, program: type[Case]) -> None:
        self.case = program()
        self.works: Sequence[Work] = self.case.threads()
        if program.main is not Case.main:
            self.works = (*self.works, self.case.main)
        self.errors: list[Exception] = []

    def work(self, number: int) -> None:
        try:
            self.works[number]()
        except Exception as error:
            self.errors.append(error)

    def holds(self) -> bool:
        if not self.errors:
            self.case.check()
        return not self.errors


class Frontrun:
    """frontrun, with its own defaults but for the times: ``dpor``, which is systematic, or ``random``."""

    def __init__(self, strategy: str) -> None:
        self.name = f"frontrun {strategy}"
        self.seeded = strategy == "random"
        self.launcher: tuple[str, ...] = (sys.executable, "-m", "frontrun.cli")
        self._strategy = strategy

    def missing(self) -> str | None:
        return _missing("frontrun")

    def hunt(self, kernel: Kernel, program: type[Case], seed: int, seconds: float) -> Iterator[Hunt]:
        began = time.perf_counter()
        result = self._explore(program, seed, seconds, replays=0)
        took = time.perf_counter() - began
        found = result.property_holds is False
        hunt = Hunt(
            kernel=kernel.name,
            contender=self.name,
            seed=seed,
            schedules=result.num_explored,
            seconds=took,
            found=_first_line(result.explanation) if found else None,
            ended=took < seconds,
            stuck=result.property_holds is None,
            note=_first_line(result.inconclusive_reason),
        )
        yield hunt
        if found and seed % 20 == 0:  # it takes as long as the search
            again = self._explore(program, seed, seconds, replays=_REPLAYS)
            yield dataclasses.replace(
                hunt, replays=again.reproduction_attempts, replayed=again.reproduction_successes
            )

    def _explore(self, program: type[Case], seed: int, seconds: float, *, replays: int) -> Any:
        options: dict[str, Any] = {"strategy": self._strategy}
        if self.seeded:
            options |= {"seed": seed, "max_attempts": _MANY}
        return importlib.import_module("frontrun").explore(
            setup=lambda: _State(program),
            workers=[_worker(number) for number in range(len(_State(program).works))],
            invariant=_State.holds,
            total_timeout=seconds,
            deadlock_timeout=_DEADLOCK,
            reproduce_on_failure=replays,
            **options,
        )


class Interleave:
    """interleave-test, with its own defaults but for the number of schedules: ``random`` or ``pct``."""

    seeded = True
    launcher: tuple[str, ...] = ()

    def __init__(self, strategy: str) -> None:
        self.name = f"interleave {strategy}"
        self._strategy = strategy

    def missing(self) -> str | None:
        return _missing("interleave_test")

    def hunt(self, kernel: Kernel, program: type[Case], seed: int, seconds: float) -> Iterator[Hunt]:
        library = importlib.import_module("interleave_test")
        began = time.perf_counter()
        runs = _Until(program.run, began + seconds)
        # A schedule that outlasts the budget is killed with this process.
        result = library.explore(
            runs,
            iterations=_MANY,
            seed=seed,
            strategy=self._strategy,
            raise_on_failure=False,
            timeout=seconds,
        )
        took, failure = time.perf_counter() - began, result.failure
        over = failure is not None and isinstance(failure.exception, _OverError)
        if failure is None or over:
            yield self._hunted(kernel, seed, result.schedules_run - over, took, None, ended=not over)
            return
        again = library.replay(
            _Until(program.run, math.inf), failure, raise_on_failure=False, timeout=seconds
        )
        found = failure.kind if failure.exception is None else type(failure.exception).__name__
        replayed = again.failure is not None and again.failure.kind == failure.kind
        yield self._hunted(kernel, seed, result.schedules_run, took, found, replays=1, replayed=int(replayed))

    def _hunted(
        self, kernel: Kernel, seed: int, schedules: int, seconds: float, found: str | None, **more: Any
    ) -> Hunt:
        return Hunt(
            kernel=kernel.name,
            contender=self.name,
            seed=seed,
            schedules=schedules,
            seconds=seconds,
            found=found,
            **more,
        )


class _OverError(Exception):
    """The budget is spent: interleave-test has no other way to be told."""


class _Until:
    """Runs the program, and no more once the time is over."""

    def __init__(self, run: Work, until: float) -> None:
        self._run = run
        self._until = until
        self.__name__ = "program"

    def __call__(self) -> None:
        if time.perf_counter() > self._until:
            raise _OverError
        self._run()


def _worker(number: int) -> Callable[[_State], None]:
    return lambda state: state.work(number)


def _missing(module: str) -> str | None:
    if importlib.util.find_spec(module) is None:
        return f"{module} is not installed for {os.path.basename(sys.executable)}"  # noqa: PTH119
    return None


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0][:120]


PEERS: tuple[Contender, ...] = (
    Frontrun("dpor"),
    Frontrun("random"),
    Interleave("random"),
    Interleave("pct"),
)
