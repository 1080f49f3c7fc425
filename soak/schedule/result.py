"""What an exploration found, and what it covered where it found nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from soak.schedule.outcome import Face, Kind, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of `soak.race` or `soak.replay`.

    `found` is the verdict, `token` replays it, `story` tells it. `schedules` ran in all; the failure came
    in number `first` (from 1), by `strategy`. `swept` of `sweep` single deviations from the undisturbed
    schedule were tried. `endless` schedules met the step limit. `notes` say what was not under control;
    `uncontrolled`: a thread or a lock was met that no schedule controls, where chance has to do. `unproven`
    says why the run proves nothing, if so. `stacks` are where the threads of a deadlock stand. `exact`
    says whether the final replay had the trace of its token. Of `seconds`, `shrinking` went into shrinking
    the failing schedule and confirming what is left.
    """

    found: bool
    kind: Kind | None = None
    words: str = ""
    error: BaseException | None = field(default=None, compare=False)
    face: Face | None = None
    stacks: tuple[Stack, ...] = ()
    token: str | None = None
    story: str = ""
    schedules: int = 0
    first: int | None = None
    strategy: str | None = None
    preemptions: int = 0
    switches: int = 0
    replays: int = 0
    exact: bool | None = None
    swept: int = 0
    sweep: int = 0
    endless: int = 0
    stalled: str | None = None
    uncontrolled: bool = False
    notes: tuple[str, ...] = ()
    unproven: str | None = None
    seconds: float = 0.0
    shrinking: float = 0.0
    steps: int = 0

    def __str__(self) -> str:
        return "\n".join([self._verdict(), *self._story(), *(f"note: {note}" for note in self.notes)])

    def _verdict(self) -> str:
        if self.unproven is not None:
            return f"proved nothing: {self.unproven}"
        if not self.found:
            return (
                f"no failure in {self.schedules} schedules; {self.swept} of {self.sweep} schedules "
                "that differ from the undisturbed one in a single switch were among them"
            )
        switches = f"{self.switches} switch" + ("" if self.switches == 1 else "es")
        if self.first is None:
            return f"{self.words} (replayed: {switches})"
        return f"{self.words} (schedule {self.first}, {self.strategy}; shrunk to {switches})"

    def _story(self) -> list[str]:
        return [self.story, f"replay: {self.token}"] if self.found else []
