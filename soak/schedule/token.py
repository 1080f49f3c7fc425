"""The text that brings a schedule back: pasted into a bug report, it replays in a fresh process.

    soak1/3.11/line/0/5f0c…/bank.py=81ab…/1.12.2,2.b1.0

Python's minor version, granularity, seed of the global `random` (and behind a colon what the threads of a
scenario had to do), hash of the trace, the files that took
part with the hash of their source, and the deviations: thread 1 at its 12th point gives way to thread 2;
thread 2, when it blocks for the first time, to thread 0. In place of the deviations, `~surw.17` names a
strategy and its number: that is what is known of a schedule before it has run.
"""

from __future__ import annotations

import hashlib
import sys
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from soak.schedule.conductor import Conductor
from soak.schedule.outcome import Deviation
from soak.schedule.places import Trail, short
from soak.schedule.points import Granularity

VERSION = "soak1"
UNKNOWN = "-"
"""The trace's hash before the schedule has run."""


class BadToken(ValueError):
    """A token that cannot be replayed here, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A schedule, by what has to be done differently."""

    python: str
    granularity: Granularity
    seed: int
    trace: str
    files: tuple[tuple[str, str], ...]
    deviations: tuple[Deviation, ...] = ()
    strategy: str | None = None
    work: str = ""

    def __str__(self) -> str:
        files = ",".join(f"{urllib.parse.quote(name, safe='')}={digest}" for name, digest in self.files)
        last = moves(self.deviations) if self.strategy is None else f"~{self.strategy}"
        seed = f"{self.seed}:{self.work}" if self.work else str(self.seed)
        parts = (VERSION, self.python, self.granularity.value, seed, self.trace, files, last)
        return "/".join(parts)

    @classmethod
    def parse(cls, text: str) -> Token:
        """Raises `BadToken` where the text is none."""
        parts = text.strip().split("/")
        if len(parts) != 7 or parts[0] != VERSION:
            raise BadToken(f"expected a token such as {VERSION}/3.12/line/0/…, got {text!r}")
        _, python, granularity, seed, trace, files, last = parts
        seed, _, work = seed.partition(":")
        try:
            return cls(
                python=python,
                granularity=Granularity(granularity),
                seed=int(seed),
                trace=trace,
                files=tuple(_file(part) for part in files.split(",") if part),
                deviations=()
                if last.startswith("~")
                else tuple(_deviation(part) for part in last.split(",") if part),
                strategy=last[1:] if last.startswith("~") else None,
                work=work,
            )
        except ValueError as error:
            raise BadToken(f"the token {text!r} is damaged: {error}") from error

    def check(self, paths: Iterable[str]) -> None:
        """Refuse a token of another Python, or of source that has changed since. Raises `BadToken`."""
        if self.python != minor():
            raise BadToken(
                f"the token was made on Python {self.python}, this is {minor()}: "
                f"a schedule counts the interpreter's own events. Replay it with python{self.python}"
            )
        now = {short(path): digest(path) for path in paths}
        changed = [name for name, before in self.files if name in now and now[name] != before]
        if changed:
            raise BadToken(
                f"{', '.join(changed)} changed since the token was made: its schedule would be another one. "
                "Check out the source of then, or run soak.race again"
            )

    def of(self, conductor: Conductor) -> Token:
        """The token of a schedule that has run."""
        return replace(
            self,
            trace=trail_hash(conductor.trail),
            files=files_of(conductor),
            deviations=tuple(conductor.deviations),
            strategy=None,
        )


def moves(deviations: Iterable[Deviation]) -> str:
    """The last field of a token."""
    return ",".join(f"{task}.{_step(step)}.{other}" for task, step, other in deviations)


def minor() -> str:
    """`3.12`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def trail_hash(trail: Trail) -> str:
    """Twelve hex digits: who did what in which order, equal in every process that runs the same schedule."""
    summary = hashlib.blake2b(digest_size=6)
    for task, place in trail:
        summary.update(f"{task} {place if isinstance(place, str) else place.key}\n".encode())
    return summary.hexdigest()


def files_of(conductor: Conductor) -> tuple[tuple[str, str], ...]:
    """The files of the target that took part, with the hash of their source."""
    return files_in(place.file for _, place in conductor.trail if not isinstance(place, str))


def files_in(paths: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Files by their short names, with the hash of their source."""
    return tuple(sorted((short(path), digest(path)) for path in set(paths)))


def digest(path: str) -> str:
    """Eight hex digits of a file's content; `-` if it cannot be read."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=4).hexdigest()
    except OSError:
        return UNKNOWN


def _step(step: int) -> str:
    return str(step) if step >= 0 else f"b{-step}"


def _file(text: str) -> tuple[str, str]:
    name, _, value = text.rpartition("=")
    return urllib.parse.unquote(name), value


def _deviation(text: str) -> Deviation:
    task, step, other = text.split(".")
    return int(task), -int(step[1:]) if step.startswith("b") else int(step), int(other)
