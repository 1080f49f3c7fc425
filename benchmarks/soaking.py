"""Runs ``soak`` as its users do, in a process of its own, and reads what it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import soak
from soak.events import Event, decode

E = TypeVar("E", bound=Event)

ROOT = Path(soak.__file__).parents[1]
SCENARIOS = Path(__file__).parent / "scenarios"
HOSTILE = ROOT / "soak" / "canaries" / "hostile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """A run that is over: its exit status, its ``--out`` folder and its events."""

    status: int
    out: Path
    events: tuple[Event, ...]

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def findings(self) -> list[Path]:
        """The folders of all findings."""
        return sorted(path.parent for path in self.out.glob("findings/*/finding.json"))


def command(*words: str) -> list[str]:
    """The command line of ``soak``, in this interpreter."""
    return [sys.executable, "-m", "soak", *words]


def environment(**more: str) -> dict[str, str]:
    """Ours, so that soak is found whether it is installed or not, and ``more``."""
    return os.environ | {"PYTHONPATH": str(ROOT)} | more


def soak_json(out: Path, words: Sequence[str], *, limit: float) -> tuple[dict[str, Any], float]:
    """What ``soak`` with ``words`` answers in its folder ``out``, and the seconds that it took.

    Raises:
        TimeoutExpired: it takes longer than ``limit`` seconds.
        RuntimeError: it answered nothing.
    """
    began = time.monotonic()
    done = subprocess.run(
        command(*words, "--json", "--out", str(out)),
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
        env=environment(NO_COLOR="1"),
    )
    if not done.stdout:
        raise RuntimeError(f"soak {' '.join(words)}: exit code {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout), time.monotonic() - began


def soak_run(out: Path, words: Sequence[str], *, limit: float = 300.0, **more: str) -> Soaked:
    """``soak run`` with ``words`` in a fresh folder ``out``; ``more`` goes into its environment.

    Raises:
        TimeoutExpired: it takes longer than ``limit`` seconds.
        RuntimeError: it ended with neither clean (0), findings (1) nor unproven (5).
    """
    out.mkdir(parents=True)
    with (out / "words").open("wb") as log:
        done = subprocess.run(
            command("run", *words, "--out", str(out)),
            cwd=out,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=limit,
            check=False,
        )
    if done.returncode not in (0, 1, 5):
        raise RuntimeError(f"soak run ended with {done.returncode}:\n{(out / 'words').read_text()}")
    return Soaked(status=done.returncode, out=out, events=read_events(out))


def read_events(out: Path) -> tuple[Event, ...]:
    """The stream of the only run below ``out``; whole lines only."""
    (stream,) = out.glob("runs/*/events.jsonl")
    return tuple(
        decode(line) for line in stream.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")
    )
