"""Streams of tries for tests: who started, what was sighted and named, how it ended."""

from __future__ import annotations

from soak.events import Event, Kept, LastWords, Preceded, Sighted, WorkerEnded, WorkerStarted
from tests.detect.samples import sample


def started(worker: int, t: float = 100.0) -> Event:
    return sample(WorkerStarted, worker=worker, t=t)


def preceded(worker: int) -> Event:
    return sample(Preceded, worker=worker, t=101.0, scenario="other", iterations=1)


def named(sighting: int, worker: int, finding: str, *, t: float = 104.0, iteration: int = 7) -> list[Event]:
    """A sighting, and what the keeper called it."""
    return [
        sample(Sighted, sighting=sighting, worker=worker, t=t, iteration=iteration),
        sample(Kept, sighting=sighting, finding=finding),
    ]


def ended(worker: int, reason: str = "count", asked: str = "") -> list[Event]:
    """Its last words, if it had any, and its end."""
    words = [sample(LastWords, worker=worker, reason=reason)] if reason else []
    return [*words, sample(WorkerEnded, worker=worker, asked=asked)]
