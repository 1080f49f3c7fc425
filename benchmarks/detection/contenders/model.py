"""soak's model mode: ``soak.race``."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.detection.case import Case
from benchmarks.detection.contenders.contender import SCHEDULES
from benchmarks.detection.hunt import Hunt
from benchmarks.detection.kernel import Kernel
from soak.schedule import race, replay
from soak.schedule.result import Result


class Model:
    """The seconds are those until the bug was found, as the others' are; shrinking is counted by itself."""

    name = "soak.race"
    seeded = True
    launcher: tuple[str, ...] = ()

    def missing(self) -> str | None:
        return None

    def hunt(self, kernel: Kernel, program: type[Case], seed: int, seconds: float) -> Iterator[Hunt]:
        result = race(program.run, target=[kernel.file], schedules=SCHEDULES, seed=seed)
        yield Hunt(
            kernel=kernel.name,
            contender=self.name,
            seed=seed,
            schedules=result.first or result.schedules,
            seconds=result.seconds - result.shrinking,
            found=_how(result),
            token=result.token,
            replays=int(result.found),
            replayed=int(result.exact is True),
            shrunk=result.preemptions if result.found else None,
            switches=result.switches if result.found else None,
            shrinks=result.replays if result.found else None,
            shrinking=result.shrinking if result.found else None,
            note=_note(result),
        )


def replays(kernel: Kernel, token: str) -> bool:
    """Whether the token brings the bug back here, with the trace that it had there."""
    result = replay(kernel.buggy.run, token)
    return result.found and result.exact is True


def _how(result: Result) -> str | None:
    if not result.found:
        return None
    return type(result.error).__name__ if result.error is not None else "deadlock"


def _note(result: Result) -> str:
    endless = f"{result.endless} endless schedules" if result.endless else ""
    return "; ".join(filter(None, (result.unproven, result.stalled, endless, *result.notes)))
