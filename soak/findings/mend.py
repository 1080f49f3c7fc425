"""Completes what a killed supervisor left: its stream gets the end it lacks, the store what it lacks.

A supervisor that gets ``kill -9`` writes neither its workers' ends nor its own, and may have written a
sighting without filing it. The workers' flight files outlive it, so that their counters are exact. Who holds
the lock of ``--out`` mends; what it appends is what the supervisor would have written, so that every fold
reads a mended stream as any other.
"""

from __future__ import annotations

import dataclasses
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from soak.detect import Detective
from soak.detect.project import Project
from soak.events import (
    Beat,
    Event,
    Facts,
    Kept,
    Phase,
    Resumed,
    RunEnded,
    RunStarted,
    Sample,
    Sighted,
    Verdict,
    WorkerEnded,
    WorkerStarted,
)
from soak.findings.finding import FindingContext
from soak.findings.keeper import context_of
from soak.findings.store import Store
from soak.flight import FlightReader, Snapshot
from soak.supervisor.plan import Plan
from soak.supervisor.stream import Stream, StreamError, is_whole, read_events
from soak.supervisor.worker import FAULT, FLIGHT, evidence_in

#: Why the supervisor "ended" a worker that died with it: no failure of the iteration that it was in.
LOST = "supervisor killed"
#: Workers die with their supervisor, within moments; so long is one waited for that has not yet.
_DYING_S = 3.0
_POLL_S = 0.01


def mend_all(out: Path, say: Callable[[str], None]) -> None:
    """Mend every stream below ``out`` that has no end. Its lock must be held. ``say`` hears what was done.

    What cannot be mended now (a full disk) is told, and stays as it was for the next time.
    """
    for stream in sorted((out / "runs").glob("*/events.jsonl")):
        try:
            if not is_whole(stream):
                say(mend(stream, Store(out, say=say)))
        except (OSError, StreamError) as error:
            say(f"{stream} cannot be completed: {error}")


def mend(stream: Path, store: Store) -> str:
    """Complete one stream and the store; returns what was done, in words.

    Raises:
        OSError, StreamError: the disk is full or cannot be written. What was written until then is whole.
    """
    wreck = Wreck()
    for event in read_events(stream):
        wreck.see(event)
    folder = stream.parent
    plan = Plan.of(folder)
    _wait_gone([worker.pid for worker in wreck.workers.values()])
    writer, filed = Stream(stream), 0
    try:
        for sighted in wreck.unsaid(folder):
            writer.write(sighted)
            wreck.unkept[sighted.sighting] = sighted
        for sighted in wreck.unkept.values():
            kept = store.file_once(sighted, folder, _context(folder.name, plan, wreck, sighted))
            writer.write(kept)
            filed += 1
        for worker in wreck.workers.values():
            writer.write(_end_of(worker, wreck, plan, folder))
        writer.write(wreck.end())
    finally:
        writer.close()
    shutil.rmtree(folder / "workers", ignore_errors=True)
    more = f", {filed} sighting{'s' * (filed != 1)} filed" if filed else ""
    broken = f", {wreck.broken_lines} broken line left out" if wreck.broken_lines else ""
    return f"run {folder.name} had no end, its supervisor was killed: completed{more}{broken}"


class Wreck:
    """A stream without an end: who lived, what was sighted and not filed, when it stopped."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.environment: dict[str, str] = {}
        self.workers: dict[int, WorkerStarted] = {}
        self.beats: dict[int, Beat | Sample] = {}
        self.unkept: dict[int, Sighted] = {}
        self.broken_lines = 0
        self._sightings = 0
        self._last_t = self._since = 0.0
        self._before = 0.0
        self._detective = Detective(project=Project.of(Path.cwd()))
        self._expected: list[Sighted] = []

    def see(self, event: Event | None) -> None:
        """Take one event, or a broken line."""
        if event is None:
            self.broken_lines += 1
            return
        self._since = self._since or event.t
        self._last_t = max(self._last_t, event.t)
        match event:
            case RunStarted():
                self.started = event
                self.environment |= event.environment
            case Facts():
                self.environment |= event.facts
            case Resumed():
                self._before, self._since = event.seconds, event.t
            case WorkerStarted():
                self.workers[event.worker] = event
            case Beat() | Sample():
                self.beats[event.worker] = event
            case WorkerEnded():
                self.workers.pop(event.worker, None)
                self.beats.pop(event.worker, None)
            case Sighted():
                self.unkept[event.sighting] = event
                self._sightings = max(self._sightings, event.sighting)
            case Kept():
                self.unkept.pop(event.sighting, None)
            case _:
                pass
        self._expect(event)

    def _expect(self, event: Event) -> None:
        # The supervisor writes what an event showed right after it: only the last event's may be unsaid.
        if isinstance(event, Sighted):
            self._expected = self._expected[1:]
        elif not isinstance(event, Kept):
            self._expected = self._detective.feed(event)

    def unsaid(self, folder: Path) -> Iterator[Sighted]:
        """What the last event shows and the supervisor did not come to say."""
        for number, sighted in enumerate(self._expected, start=self._sightings + 1):
            evidence = evidence_in(folder / "workers" / str(sighted.worker), FLIGHT)
            yield dataclasses.replace(sighted, sighting=number, evidence=evidence)

    def end(self) -> RunEnded:
        """The end that it lacks."""
        return RunEnded(
            t=self._last_t,
            verdict=Verdict.INTERRUPTED,
            seconds=self._before + max(0.0, self._last_t - self._since),
            reason="the supervisor was killed",
        )

    @property
    def last_t(self) -> float:
        return self._last_t


def _end_of(worker: WorkerStarted, wreck: Wreck, plan: Plan | None, folder: Path) -> WorkerEnded:
    """A lost worker's end: from its flight file, or where that is gone from its last beat or sample."""
    home = folder / "workers" / str(worker.worker)
    entry = next((entry for entry in plan.entries if entry.name == worker.scenario), None) if plan else None
    declared = entry.sometimes if entry else worker.sometimes
    snapshot, beat = _flight(home / FLIGHT, len(declared)), wreck.beats.get(worker.worker)
    seen = beat.sometimes if isinstance(beat, Beat) else {}
    if snapshot is not None:
        seen = dict(zip(declared, snapshot.marks, strict=True))
    counters = snapshot or beat
    return WorkerEnded(
        t=wreck.last_t,
        worker=worker.worker,
        scenario=worker.scenario,
        status=-signal.SIGKILL,
        asked=LOST,
        last_words=False,
        dump_began=False,
        phase=snapshot.phase if snapshot else Phase.BOOT,
        iteration=snapshot.iteration if snapshot else worker.first_iteration,
        seconds=max(0.0, wreck.last_t - worker.t),
        iterations=counters.iterations if counters else 0,
        operations=counters.operations if counters else 0,
        accepted=counters.accepted if counters else 0,
        refused=counters.refused if counters else 0,
        sometimes={text: count for text, count in seen.items() if text in worker.sometimes},
        doing=tuple(f"{t.name} was in {t.doing}" for t in snapshot.threads if t.doing) if snapshot else (),
        fault_text=_text(home / FAULT),
        mujoco_log="",
        oom="",
    )


def _flight(path: Path, marks: int) -> Snapshot | None:
    try:
        reader = FlightReader(path)
    except (OSError, ValueError):
        return None
    try:
        return reader.snapshot(marks=marks)
    finally:
        reader.close()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(200_000).decode("utf-8", "replace")
    except OSError:
        return ""


def _context(run: str, plan: Plan | None, wreck: Wreck, sighted: Sighted) -> FindingContext:
    """What brings it back; of a run without a plan on disk, as far as its first event tells."""
    for entry in plan.entries if plan else ():
        if plan and entry.name == sighted.scenario:
            return context_of(run, plan, entry, wreck.environment)
    return FindingContext(
        run=run,
        scenario_file="",
        scenario=sighted.scenario,
        target="",
        seed=wreck.started.seed if wreck.started else 0,
        perturb="light",
        guard_malloc=False,
        hang_after=10.0,
        python="",
        environment=wreck.environment,
    )


def _wait_gone(pids: list[int]) -> None:
    until = time.monotonic() + _DYING_S
    while any(_lives(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(_POLL_S)


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"
