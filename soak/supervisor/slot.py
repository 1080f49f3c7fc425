"""A job slot: gives one scenario its turn, worker after worker, until the turn or the run is over."""

from __future__ import annotations

import enum
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from soak import kernel
from soak.detect.words import signal_name
from soak.events import (
    Event,
    Evidence,
    Isolation,
    LeftBehind,
    Note,
    PromiseBroken,
    Raised,
    Sighted,
    WorkerSpec,
    WorkerStarted,
)
from soak.flight import Snapshot
from soak.supervisor.autopsy import ended_event, examine
from soak.supervisor.ladder import Diagnosis, Ladder
from soak.supervisor.launcher import Home, Launcher
from soak.supervisor.loop import Loop
from soak.supervisor.plan import ITERATIONS_PER_EXIT, Entry, Plan
from soak.supervisor.sample import Sampler
from soak.supervisor.watch import Watch, thread_cpu_seconds, thread_wait_seconds
from soak.supervisor.worker import FLIGHT, Worker

#: After a worker that completed nothing, the next one waits: 0.1 s, doubled each time, to this.
_LONGEST_BACKOFF_S = 5.0
_FIRST_BACKOFF_S = 0.1
#: A scenario's first iteration may end so long after its time, in its own seconds and beyond them.
_FIRST_ITERATION_TIMES, _FIRST_ITERATION_EXTRA_S = 1.5, 5.0
#: So many zygotes in a row that end without an iteration finished, and the scenario cannot be run.
_MOST_ZYGOTES_LOST = 3


@dataclass(slots=True)
class Lane:
    """One scenario's iterations, numbered; only one slot at a time works on a lane."""

    entry: Entry
    first: int
    next: int = field(init=False)
    left: int | None = None
    finished: int = 0
    zygotes_lost: int = 0

    def __post_init__(self) -> None:
        self.next = self.first


class Host(Protocol):
    """What a slot needs of the run."""

    plan: Plan
    folder: Path

    def home(self, entry: Entry) -> Home: ...
    def new_worker_number(self) -> int: ...
    def emit(self, event: Event, evidence: tuple[str, ...] = ()) -> list[Sighted]: ...
    def file_stuck(self, diagnosis: Diagnosis, evidence: tuple[str, ...]) -> list[Sighted]: ...
    def wants_native_stack(self, sighted: Sighted) -> bool: ...
    def add_evidence(self, evidence: Evidence) -> None: ...
    def cannot_start(self, entry: Entry, message: str) -> None: ...
    def disk_failed(self, text: str) -> None: ...
    def errand_began(self) -> Callable[[], None]: ...
    def turn_over(self, slot: Slot) -> None: ...
    def lane_waits(self) -> bool: ...


class State(enum.Enum):
    IDLE = "idle"
    IMPORTING = "importing"
    READY = "ready"
    RUNNING = "running"
    CLOSING = "closing"


class Slot:
    """Runs one worker at a time, through a zygote of its own."""

    def __init__(self, loop: Loop, host: Host) -> None:
        self.state = State.IDLE
        self.lane: Lane | None = None
        self.worker: Worker | None = None
        self._loop = loop
        self._host = host
        self._launcher: Launcher | None = None
        self._how = ""
        self._watch: Watch | None = None
        self._sampler: Sampler | None = None
        self._ladder: Ladder | None = None
        self._turn_seconds = 0.0
        self._turn_ends = float("inf")
        self._stopping = False
        self._time_was_up_at: float | None = None
        self._fruitless = 0
        self._sightings: list[Sighted] = []

    # -- the turn ----------------------------------------------------------------------------------------

    def begin(self, lane: Lane, seconds: float) -> None:
        """Give ``lane`` this slot for ``seconds``, which begin once its target is imported.

        Otherwise a turn that is shorter than that would have no iteration, and so would the next one.
        """
        self.lane = lane
        self.state = State.IMPORTING
        self._stopping = False
        self._time_was_up_at = None
        self._fruitless = 0
        self._turn_seconds = seconds
        self._turn_ends = float("inf")
        self._launcher = Launcher(
            self._loop, self._host.home(lane.entry), lane.entry, self._host.plan.target, self
        )

    def stop(self) -> None:
        """End the turn: the worker is asked to come to an end, or nothing is started any more."""
        self._stopping = True
        if self.worker is not None:
            self.worker.ask_to_stop()
        elif self.state in (State.IMPORTING, State.READY):
            self._close()

    def stop_when_proved(self) -> None:
        """End the turn, but let a scenario that has not finished an iteration yet finish its first.

        A turn in which none is finished proves nothing. It may take a bounded time more.
        """
        if self._time_was_up_at is None:
            self._time_was_up_at = self._loop.clock()
        if self._has_proved_something():
            self.stop()

    def _has_proved_something(self) -> bool:
        lane = self.lane
        if lane is None or lane.finished or (self.worker and self.worker.flight.snapshot().iterations):
            return True
        patience = _FIRST_ITERATION_TIMES * lane.entry.seconds + _FIRST_ITERATION_EXTRA_S
        late = self._loop.clock() - self._time_was_up_at if self._time_was_up_at is not None else 0.0
        return late > patience

    def kill(self, asked: str) -> None:
        """End the turn at once: the worker, or where it does not run or was killed before, the zygote."""
        self.stop()
        worker = self.worker
        before = worker.asked if worker is not None else ""
        if worker is not None:
            worker.kill(asked)
        if self._launcher is not None and (worker is None or not worker.pid or before):
            self._launcher.kill()

    def tick(self) -> None:
        """Look at the worker: turn, hang, output. Called a few times a second."""
        if self.state is not State.RUNNING or self.worker is None or not self.worker.pid:
            return
        if not self._stopping and self._time_is_up():
            self.stop_when_proved()
        self.worker.bound_output()
        if self._ladder is None and self._watch is not None:
            suspicion = self._watch.look(self.worker.flight.snapshot())
            if suspicion is not None:
                self._ladder = Ladder(self._loop, self.worker, suspicion, self._stuck)

    def _time_is_up(self) -> bool:
        """Whether the run's time is up, or this turn's while another scenario waits for the slot."""
        if self._time_was_up_at is not None:
            return True
        return self._loop.clock() >= self._turn_ends and self._host.lane_waits()

    def sample(self) -> None:
        """Emit a reading of the worker's resources."""
        if self.state is State.RUNNING and self._sampler is not None and self.worker and self.worker.pid:
            sample = self._sampler.sample()
            if sample is not None:
                self._host.emit(sample)

    # -- what the zygote says ----------------------------------------------------------------------------

    def zygote_ready(self, how: str, reason: str) -> None:
        self._how = how
        self._turn_ends = self._loop.clock() + self._turn_seconds
        self.state = State.READY
        if reason:
            self._host.emit(Note(t=time.time(), text=f"{reason}; its workers are spawned, not forked"))
        self._launch()

    def zygote_failed(self, message: str) -> None:
        assert self.lane is not None
        self._host.cannot_start(self.lane.entry, message)
        self._close()

    def worker_launched(self, pid: int) -> None:
        worker, lane = self.worker, self.lane
        if worker is None or lane is None:
            return
        worker.launched(pid)
        self._host.emit(
            WorkerStarted(
                t=time.time(),
                worker=worker.spec.worker,
                scenario=lane.entry.name,
                pid=pid,
                first_iteration=worker.spec.first_iteration,
                how=self._how,
                sometimes=lane.entry.expected,
                target=self._host.plan.target or lane.entry.target,
            )
        )
        worker.listen()
        if worker.asked:
            worker.kill(worker.asked)

    def worker_ended(self, status: int, left: list[kernel.Process]) -> None:
        worker, lane = self.worker, self.lane
        assert worker is not None
        assert lane is not None
        if self._ladder is not None:
            self._ladder.worker_ended()
            self._ladder = None
        snapshot = worker.flight.snapshot(marks=len(lane.entry.sometimes))
        worker.bury()
        self._tell_left_behind(worker, left)
        ended = ended_event(worker, status, snapshot, self._loop.clock())
        self._sightings += self._host.emit(ended, worker.evidence(FLIGHT))
        self._after(worker, snapshot)

    def zygote_gone(self, status: int) -> None:
        self._launcher = None
        if self.state is State.CLOSING:
            self.state = State.IDLE
            self._host.turn_over(self)
            return
        # Nobody hung up: the target, or somebody outside, killed it, and the kernel its worker.
        lane = self.lane
        assert lane is not None
        how = f"died of {signal_name(-status)}" if status < 0 else f"ended with exit status {status}"
        importing = self.state is State.IMPORTING
        text = f"the zygote of {lane.entry.name} {how}{' while it imported the target' * importing}"
        self._host.emit(Note(t=time.time(), text=text))
        lane.zygotes_lost += 1
        if self.worker is not None:
            self.worker.signal(signal.SIGKILL)
            self.worker_ended(-signal.SIGKILL, [])
        self.state = State.IDLE
        if importing or lane.zygotes_lost >= _MOST_ZYGOTES_LOST:
            self._host.cannot_start(lane.entry, f"{text}{self._last_line_of_log(lane.entry)}")
        self._host.turn_over(self)

    def _last_line_of_log(self, entry: Entry) -> str:
        lines = self._host.home(entry).log.read_text(errors="replace").strip().splitlines()
        return f"; the last that it said: {lines[-1][:300]}" if lines else ", without a word"

    # -- one worker --------------------------------------------------------------------------------------

    def _launch(self) -> None:
        lane, launcher = self.lane, self._launcher
        assert lane is not None
        time_is_up = self._time_is_up() and self._has_proved_something()
        if self._stopping or launcher is None or time_is_up or lane.left == 0:
            self._close()
            return
        spec = self._spec(lane)
        try:
            self.worker = Worker(self._loop, spec, lane.entry, self._heard)
        except OSError as error:
            self._host.disk_failed(f"{spec.folder}: {error.strerror}")
            self._close()
            return
        self._watch = Watch(
            hang_after=spec.hang_after,
            started=self._loop.clock(),
            cpu=lambda: thread_cpu_seconds(self.worker.pid) if self.worker else {},
            waits=lambda: thread_wait_seconds(self.worker.pid) if self.worker else {},
        )
        self._sampler = Sampler(self.worker)
        self._sightings = []
        self.state = State.RUNNING
        launcher.launch(spec, self.worker.write_end)

    def _spec(self, lane: Lane) -> WorkerSpec:
        plan, number = self._host.plan, self._host.new_worker_number()
        seed, first = plan.start_of(number) or (plan.seed, lane.next)
        return WorkerSpec(
            worker=number,
            scenario_file=str(lane.entry.file),
            scenario=lane.entry.name,
            target=plan.target,
            seed=seed,
            first_iteration=first,
            count=self._count(lane),
            hang_after=plan.hang_limit(lane.entry),
            perturb=plan.perturb,
            guard_malloc=plan.guard_malloc,
            cores=plan.cores,
            folder=str(self._host.folder / "workers" / str(number)),
            env=lane.entry.env,
            before=plan.before,
        )

    def _count(self, lane: Lane) -> int:
        """How many iterations the next worker has; 0 for as many as the turn allows."""
        if self._host.plan.span:
            return self._host.plan.span
        if self._host.plan.isolation is Isolation.ITERATION:
            return 1
        bounds = [lane.left, ITERATIONS_PER_EXIT if lane.entry.real_exit else None]
        return min((bound for bound in bounds if bound is not None), default=0)

    def _heard(self, event: Event) -> None:
        assert self.worker is not None
        match event:
            case PromiseBroken(ring=ring) | Raised(ring=ring):
                evidence = self.worker.evidence(ring)
            case _:
                evidence = self.worker.evidence()
        self._sightings += self._host.emit(event, evidence)

    def _stuck(self, diagnosis: Diagnosis) -> None:
        assert self.worker is not None
        self._sightings += self._host.file_stuck(diagnosis, self.worker.evidence(FLIGHT))

    def _tell_left_behind(self, worker: Worker, left: Sequence[kernel.Process]) -> None:
        # An iteration that a finding cuts short is not looked through for what it leaves: nor is its worker.
        words = worker.last_words
        cut_short = words is not None and words.reason == "finding"
        for process in left:
            if words is not None and not worker.asked and not cut_short:
                self._host.emit(
                    LeftBehind(
                        t=time.time(),
                        worker=worker.spec.worker,
                        pid=process.pid,
                        command=process.command,
                        session=process.session,
                    ),
                    worker.evidence(FLIGHT),
                )
            else:
                number, command = worker.spec.worker, process.command
                how = "ended with a finding" if cut_short else "died"
                text = f"worker {number} {how} and left process {process.pid} ({command}): killed"
                self._host.emit(Note(t=time.time(), text=text))

    def _after(self, worker: Worker, snapshot: Snapshot) -> None:
        """Bury the evidence, move the lane on, and start the next worker."""
        assert self.lane is not None
        done = _tries(worker, snapshot)
        if self._host.plan.span:
            done = 1
        else:
            self.lane.next += done
        if self.lane.left is not None:
            self.lane.left = max(0, self.lane.left - done)
        fruitful = snapshot.iterations > 0
        self.lane.finished += snapshot.iterations
        self._fruitless = 0 if fruitful else self._fruitless + 1
        if fruitful:
            self.lane.zygotes_lost = 0
        examine(self._loop, self._host, worker, list(self._sightings))
        self.worker = self._watch = self._sampler = None
        if self.state is not State.RUNNING:
            return
        self.state = State.READY
        # A count bounds the tries by itself; a budget of minutes must not go into a storm of forks.
        if self._host.plan.count is None and self._fruitless > 1:
            wait = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(10, self._fruitless))
            self._loop.later(wait, self._launch_if_ready)
        else:
            self._launch()

    def _launch_if_ready(self) -> None:
        if self.state is State.READY:
            self._launch()

    def _close(self) -> None:
        self.state = State.CLOSING
        if self._launcher is not None:
            self._launcher.close()


def _tries(worker: Worker, snapshot: Snapshot) -> int:
    """How many iterations of its lane's a worker has used up.

    One that a stop cut short is run again, so that a count is exact over turns; a worker that did not even
    come to its first has used that up, so that a count comes to an end.
    """
    if worker.last_words is not None and worker.last_words.reason == "asked":
        return snapshot.iterations
    return max(1, snapshot.iteration + 1 - worker.spec.first_iteration)
