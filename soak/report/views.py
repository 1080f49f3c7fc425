"""Which view looks on while a run goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from soak.report.fold import Progress
from soak.report.live import Live
from soak.report.plain import Plain


def views_for(progress: Progress, *, quiet: bool, terminal: bool) -> Sequence[Live | Plain]:
    """None when quiet; on a terminal the live table, else plain lines; both on stderr.

    rich animates a log file when FORCE_COLOR is set: only ``terminal``, which is ``isatty()``, decides.
    """
    if quiet:
        return ()
    if terminal:
        return (Live(progress, Console(file=sys.stderr, highlight=False)),)
    return (Plain(progress, _to_stderr()),)


def _to_stderr() -> Callable[[str], None]:
    def write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    return write
