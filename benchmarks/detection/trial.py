"""One contender at one kernel: its hunts from many seeds under one budget of time, each in a child."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection.contenders.contender import Contender
from benchmarks.detection.hunt import Hunt
from soak.events import from_plain

_ROOT = Path(__file__).resolve().parents[2]
#: Seconds for a child to start, to end a schedule that the budget's end met, and to replay what it found.
_GRACE = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The hunts that came to an end, and what the last child said where it did not end well."""

    kernel: str
    contender: str
    hunts: tuple[Hunt, ...]
    seconds: float
    note: str = ""


def hold(
    contender: Contender, kernel: str, *, seeds: Sequence[int], seconds: float, twin: bool = False
) -> Trial:
    """Let the contender hunt from one seed after the other until the seeds or the ``seconds`` are used up."""
    left = list(seeds if contender.seeded else seeds[:1])
    hunts: list[Hunt] = []
    began, note = time.monotonic(), ""
    while left and (remaining := seconds - sum(hunt.seconds for hunt in hunts)) > 0:
        lines, note = _child(contender, kernel, left, remaining, twin=twin)
        hunts += lines
        if note or not lines or not lines[-1].stuck:
            break
        left = left[len(lines) :]
    return Trial(
        kernel=kernel,
        contender=contender.name,
        hunts=tuple(hunts),
        seconds=time.monotonic() - began,
        note=note,
    )


def replay(kernel: str, tokens: Sequence[str], *, seconds: float) -> list[bool]:
    """Which tokens bring the kernel's bug back in a fresh process."""
    command = _command("soak.race", kernel, seconds, ["--replay"])
    done = subprocess.run(
        command,
        cwd=_ROOT,
        input="\n".join(tokens),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=True,
    )
    return [bool(answer) for answer in json.loads(done.stdout)]


def _command(contender: str, kernel: str, seconds: float, more: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "benchmarks.detection.child", contender, kernel, f"{seconds:.3f}", *more]


def _child(
    contender: Contender, kernel: str, seeds: Sequence[int], seconds: float, *, twin: bool
) -> tuple[list[Hunt], str]:
    more = [*map(str, seeds), *(["--twin"] if twin else [])]
    command = [*contender.launcher, *_command(contender.name, kernel, seconds, more)]
    child = subprocess.Popen(
        command,
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    note = ""
    try:
        out, errors = child.communicate(timeout=seconds + _GRACE)
        if child.returncode:
            note = (errors.strip().splitlines() or [f"exit {child.returncode}"])[-1][:120]
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, _ = child.communicate()
        note = "killed at the end of its time"
    hunts = [from_plain(Hunt, json.loads(line)) for line in out.splitlines() if line.startswith("{")]
    return list({hunt.seed: hunt for hunt in hunts}.values()), note  # what is told again counts
