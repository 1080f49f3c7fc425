"""Infra: a worker was killed from outside, by the kernel's OOM killer or by somebody's ``kill -9``."""

from __future__ import annotations

import signal

from soak.detect.clue import Clue
from soak.events import Kind, WorkerEnded


def killed(ended: WorkerEnded) -> Clue | None:
    """The SIGKILL that was not ours, if it was one. It says something about the machine, not the target."""
    if ended.status != -signal.SIGKILL or ended.asked:
        return None
    by = "the kernel was out of memory" if ended.oom else "from outside"
    return Clue(
        kind=Kind.INFRA,
        title=f"SIGKILL: {by}",
        promise="out of memory" if ended.oom else "killed from outside",
        detail=ended.oom or "the kernel's log names no OOM kill of this process, or cannot be read",
        doing=ended.doing,
        signal=int(signal.SIGKILL),
        iteration=ended.iteration,
    )
