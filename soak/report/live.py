"""The live table on a terminal. It has no thread: the supervisor's loop tells it when time has passed."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from typing import Self

from rich.cells import cached_cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.table import Table
from rich.text import Text

from soak.detect.words import amount, duration, printable, size
from soak.events import Event, Kind, Note, RunEnded, RunStarted
from soak.findings.statistics import percent
from soak.report.fold import Progress
from soak.report.plain import say_left
from soak.report.rows import FindingRow, ScenarioRow

REFRESH_S = 0.25
#: rich remembers the width of the last 4,096 texts; ours differ in every picture, and all of them stayed.
FORGET_S = 60.0
#: Newest findings shown below the table.
FINDINGS_SHOWN = 8
#: From this width on the columns have room for their full names.
_WIDE = 114

_STYLES = {
    Kind.CRASH: "bold red",
    Kind.EXIT: "bold red",
    Kind.HANG: "bold magenta",
    Kind.STARVATION: "magenta",
    Kind.LEAK: "yellow",
    Kind.VIOLATION: "bold yellow",
    Kind.ERROR: "red",
    Kind.HARNESS: "cyan",
    Kind.INFRA: "blue",
}


class Live:
    """Shows ``progress`` on ``console`` while it is open: from the run's first event to its last."""

    def __init__(
        self, progress: Progress, console: Console, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._progress = progress
        self._console = console
        self._clock = clock
        self._next = 0.0
        self._forget = 0.0
        self._live = RichLive(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def see(self, event: Event) -> None:
        """Open with the run, close with it; between, notes scroll by above, and time makes it draw."""
        match event:
            case RunStarted():
                self._live.start()
                atexit.register(self._live.stop)  # or an error of ours would leave no cursor
            case RunEnded():
                self._live.stop()
                atexit.unregister(self._live.stop)
            case Note():
                self._console.print(Text(f"note: {printable(event.text)}", style="dim"))
            case _:
                pass

    def tick(self) -> None:
        """Draw anew, at most some times a second."""
        now = self._clock()
        if self._live.is_started and now >= self._next:
            self._next = now + REFRESH_S
            self.update()
            if now >= self._forget:
                self._forget = now + FORGET_S
                cached_cell_len.cache_clear()

    def update(self) -> None:
        """Draw anew, now."""
        self._live.update(picture(self._progress, self._console.width), refresh=True)


def picture(progress: Progress, width: int) -> RenderableType:
    """The whole view, ``width`` columns wide."""
    parts: list[RenderableType] = [_header(progress), _sums(progress), _table(progress, wide=width >= _WIDE)]
    newest = sorted(progress.findings.values(), key=lambda row: row.t)[-FINDINGS_SHOWN:]
    hidden = len(progress.findings) - len(newest)
    if hidden > 0:
        parts.append(Text(f"… and {hidden} earlier findings", style="dim"))
    parts += [_finding(row) for row in newest]
    parts += [
        Text(f"skipped {skip.scenario}: {skip.reason}", style="dim", no_wrap=True, overflow="ellipsis")
        for skip in progress.skipped
    ]
    return Group(*parts)


def _header(progress: Progress) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("soak ", style="bold")
    text.append(duration(progress.elapsed))
    left = say_left(progress)
    if left:
        text.append(f"  {left}", style="bold")
    if progress.started:
        text.append(f"  seed {progress.started.seed}", style="dim")
    if sum(row.tries for row in progress.scenarios.values()):
        text.append(f"  rate bound {percent(progress.bound)} %", style="dim")
    return text


def _sums(progress: Progress) -> Text:
    totals = progress.totals
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("     findings: ")
    kinds = progress.kinds()
    if not kinds:
        text.append("none", style="green")
    for number, (kind, count) in enumerate(kinds.items()):
        text.append(", " if number else "").append(f"{count} {kind.value}", style=_STYLES[kind])
    text.append(f"  {totals.iterations} iterations, {amount(totals.operations)} operations", style="dim")
    return text


def _table(progress: Progress, *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1 if not wide else 2, 0, 0), expand=False)
    table.add_column("scenario", no_wrap=True, overflow="ellipsis", min_width=12, ratio=1)
    for name, short in (
        ("iterations/s", "it/s"),
        ("operations/s", "op/s"),
        ("accepted", "acc."),
        ("refused", "ref."),
        ("threads", "thr"),
        ("fds", "fds"),
        ("memory", "memory"),
        ("findings", "found"),
    ):
        table.add_column(name if wide else short, justify="right", no_wrap=True)
    table.add_column("now", no_wrap=True, overflow="ellipsis")
    for row in progress.scenarios.values():
        table.add_row(*_cells(row), style="" if row.alive else "dim")
    return table


def _cells(row: ScenarioRow) -> list[RenderableType]:
    counts = row.counts
    iterations, operations = row.pace
    # A worker that began this second has not been measured yet.
    alive = [worker for worker in row.alive.values() if worker.rss]
    found = len(row.findings)
    return [
        row.name,
        f"{iterations:.1f}",
        amount(operations),
        amount(counts.accepted),
        amount(counts.refused),
        str(sum(worker.threads for worker in alive)) if alive else "–",
        str(sum(worker.fds for worker in alive)) if alive else "–",
        size(sum(worker.rss for worker in alive)) if alive else "–",
        Text(str(found), style="bold red" if found else "dim"),
        _now(row),
    ]


def _now(row: ScenarioRow) -> str:
    done = amount(row.counts.iterations)
    if row.alive:
        return f"iteration {done}" if row.counts.iterations else "first iteration"
    return f"{done} done, waits" if row.workers else "waits"


def _finding(row: FindingRow) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{row.id} ", style=_STYLES[row.kind])
    text.append(f"×{row.count} ", style="bold")
    text.append(printable(row.title))
    return text
