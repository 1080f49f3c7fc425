"""Streams as runs write them, put where a run puts them: what a memory takes in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from soak.events import (
    Beat,
    Event,
    Kept,
    Kind,
    RunEnded,
    RunStarted,
    Sighted,
    Verdict,
    WorkerEnded,
    WorkerStarted,
    encode,
)
from soak.findings.signature import signature
from tests.detect.samples import sample

MARK = "a mutation met a running policy"


def promise_broken(
    sighting: int, worker: int, iteration: int, promise: str = "no roll is high", *, t: float = 1000.0
) -> Sighted:
    """A violation of the scenario ``storm``."""
    return sample(
        Sighted,
        t=t + sighting,
        sighting=sighting,
        worker=worker,
        scenario="storm",
        kind=Kind.VIOLATION,
        title=promise,
        promise=promise,
        iteration=iteration,
        first_iteration=0,
    )


def kept(sighted: Sighted, occurrence: int = 1) -> Kept:
    """That it was filed."""
    name = signature(sighted).id
    return sample(
        Kept,
        t=sighted.t,
        sighting=sighted.sighting,
        finding=name,
        occurrence=occurrence,
        path=f"findings/{name}/{occurrence}",
    )


def night(
    name: str = "20261120-030000",
    *,
    t: float = 1000.0,
    hits: Sequence[int] = (),
    iterations: int = 100,
    promise: str = "no roll is high",
    command: str = "run",
    ended: bool = True,
) -> list[Event]:
    """A run of one scenario; in each iteration of ``hits`` the promise breaks, and a new worker goes on."""
    events: list[Event] = [
        sample(
            RunStarted,
            t=t,
            run=name,
            argv=(command, "storm"),
            seed=7,
            scenarios=("storm",),
            minutes=1.0,
            environment={"python": "3.12.1", "kernel": "Linux 6.1"},
        )
    ]
    first = 0
    for number, last in enumerate([*hits, iterations], start=1):
        events.append(
            sample(
                WorkerStarted, t=t, worker=number, scenario="storm", first_iteration=first, sometimes=(MARK,)
            )
        )
        if last != iterations:
            sighted = promise_broken(number, number, last, promise, t=t)
            events += [sighted, kept(sighted, number)]
        done = last - first
        events.append(_beat(number, done))
        events.append(_end(number, done, last))
        first = last + 1
    if ended:
        verdict = Verdict.FINDINGS if hits else Verdict.CLEAN
        events.append(
            sample(RunEnded, t=t + 60.0, verdict=verdict, seconds=60.0, reason="the budget is spent")
        )
    return events


def _beat(worker: int, done: int) -> Beat:
    return sample(Beat, worker=worker, iterations=done, operations=10 * done, took={})


def _end(worker: int, done: int, iteration: int) -> WorkerEnded:
    return sample(
        WorkerEnded,
        worker=worker,
        scenario="storm",
        status=0,
        asked="",
        last_words=True,
        iteration=iteration,
        seconds=2.0,
        iterations=done,
        operations=10 * done,
        accepted=4 * done,
        refused=6 * done,
        sometimes={MARK: done},
        oom="",
    )


def write(out: Path, events: Iterable[Event], name: str = "20261120-030000") -> Path:
    """Put a stream below ``out``; returns its file."""
    folder = out / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    stream = folder / "events.jsonl"
    stream.write_bytes(b"".join(map(encode, events)))
    return stream
