"""Progress without a terminal: a line every 30 seconds, and one at once for what is new."""

from __future__ import annotations

import time
from collections.abc import Callable

from soak.detect.words import amount, duration, printable
from soak.events import Event, Note, ScenarioSkipped, Sighted
from soak.findings.signature import signature
from soak.findings.statistics import percent
from soak.report.fold import Progress
from soak.report.verdict import say_kinds

EVERY_S = 30.0


class Plain:
    """Writes lines. Give it the events after ``progress`` has seen them."""

    def __init__(
        self,
        progress: Progress,
        write: Callable[[str], None],
        *,
        every: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._write = write
        self._every = every
        self._clock = clock
        self._due = clock() + every

    def see(self, event: Event) -> None:
        """Tell at once what is new."""
        match event:
            case Sighted():
                name = signature(event).id
                if self._progress.findings[name].count == 1:
                    where = f"{event.scenario}, iteration {event.iteration}"
                    self._say(f"found {name}: {event.title} ({where})")
            case Note():
                self._say(f"note: {event.text}")
            case ScenarioSkipped():
                self._say(f"skipped {event.scenario}: {event.reason}; {event.remedy}")
            case _:
                pass

    def tick(self) -> None:
        """Write the line that is due, if one is."""
        if self._clock() >= self._due:
            self._due = self._clock() + self._every
            self._say(progress_line(self._progress))

    def _say(self, text: str) -> None:
        self._write(f"soak {duration(self._progress.elapsed):>11}  {printable(text)}\n")


def progress_line(progress: Progress) -> str:
    """A run so far in one line."""
    totals = progress.totals
    iterations, operations = progress.pace
    refused = say_refused(totals.refused, totals.operations)
    parts = [
        f"{totals.iterations} iterations ({iterations:.1f}/s)",
        f"{amount(totals.operations)} operations ({amount(operations)}/s, {refused})",
        f"findings: {say_kinds(progress)}",
        f"rate bound {percent(progress.bound)} %",
    ]
    left = say_left(progress)
    return ", ".join([*parts, left] if left else parts)


def say_refused(refused: int, operations: int) -> str:
    """``98 % refused``."""
    return f"{100 * refused / operations:.0f} % refused" if operations else "none refused"


def say_left(progress: Progress) -> str:
    """What is left of the budget: ``28 min 10 s left``; nothing where it has no end."""
    seconds, iterations = progress.seconds_left, progress.iterations_left
    if seconds is not None:
        return f"{duration(seconds)} left"
    return f"{iterations} iterations left" if iterations is not None else ""
