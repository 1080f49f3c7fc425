"""One run: lanes take turns in job slots until the budget is spent, a finding or somebody ends it."""

from __future__ import annotations

import enum
import itertools
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from soak import kernel
from soak.detect import Detective
from soak.detect.project import Project
from soak.events import (
    Event,
    Evidence,
    Facts,
    Kept,
    Note,
    Resumed,
    RunEnded,
    RunStarted,
    ScenarioSkipped,
    Sighted,
    Verdict,
)
from soak.supervisor.errand import Errand
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.ladder import Diagnosis
from soak.supervisor.launcher import Home
from soak.supervisor.loop import Loop
from soak.supervisor.machine_libraries import AFTER_S, LIMIT_S, facts_command, read_facts
from soak.supervisor.plan import Entry, Plan, Standing, worker_environment
from soak.supervisor.slot import Lane, Slot, State
from soak.supervisor.stream import Stream, StreamError

_TICK_S = 0.2
_SAMPLE_S = 1.0
#: After an interrupt, workers have this long to end by themselves.
_INTERRUPT_GRACE_S = 1.2
#: After a finding that ends the run, its worker may still be dumping its core.
_FINDING_GRACE_S = 6.0
#: A zygote whose worker was killed has this long to tell of it, before it is killed too.
_ZYGOTE_GRACE_S = 2.5
#: After the budget is spent, a worker that neither ends nor counts as hung is killed after this.
_BUDGET_GRACE_S = 60.0
_ERRANDS_GRACE_S = 25.0
#: Native stacks are read for this many sightings of one finding.
_NATIVE_STACKS_PER_FINDING = 3
_ERRANDS_AT_ONCE = 8
#: Evidence that comes later belongs to one of the last sightings; a run for days has any number of them.
_SIGHTINGS_REMEMBERED = 1000


class Keeper(Protocol):
    """Who files sightings: the store, or nobody in a test."""

    def keep(self, sighted: Sighted) -> Kept: ...
    def add(self, evidence: Evidence) -> None: ...
    def know(self, facts: Mapping[str, str]) -> None: ...


class View(Protocol):
    """Who looks on: the live table, plain lines, a fold."""

    def see(self, event: Event) -> None: ...
    def tick(self) -> None: ...


class Ending(enum.Enum):
    """Why a run ends."""

    BUDGET = "the budget is spent"
    FINDING = "a finding, as --until-fail asked"
    ENOUGH = "what was asked is known"
    INTERRUPTED = "interrupted"
    CANNOT_START = "a scenario cannot start"
    DISK = "the disk failed"


class Run:
    """Runs a plan. After :meth:`execute`, ``ending`` and ``problem`` say how it ended."""

    def __init__(
        self,
        plan: Plan,
        interpreter: Interpreter,
        folder: Path,
        *,
        keeper: Keeper,
        views: Sequence[View],
        judge: Callable[[], Verdict],
        standing: Standing | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """``standing`` is how far the run had come that ``folder`` holds, where it is resumed; ``enough`` is
        asked between events whether the run has shown all that somebody wanted of it."""
        self.plan = plan
        self.folder = folder
        self.ending: Ending | None = None
        self.problem = ""
        self.signal = 0
        self._interpreter = interpreter
        self._keeper = keeper
        self._views = list(views)
        self._judge = judge
        self._enough = enough
        self._loop = Loop()
        self._resumed = standing is not None
        before = standing or Standing()
        self._before = before.seconds
        self._detective = Detective(before.sightings, Project.of(Path.cwd()))
        self._stream = Stream(folder / "events.jsonl")
        self._numbers = itertools.count(before.workers + 1)
        self._kept: dict[int, Kept] = {}
        self._errands = 0
        self._deadline = float("inf")
        self._finish_by = float("inf")
        self._lanes = deque(_lanes(plan, before))
        self._slots = [Slot(self._loop, self) for _ in range(max(1, plan.jobs))]
        self._started = self._loop.clock()

    # -- the run -----------------------------------------------------------------------------------------

    def execute(
        self, argv: Sequence[str], environment: Mapping[str, str], skipped: Sequence[ScenarioSkipped]
    ) -> Verdict:
        """Run until the end, whichever comes; returns the verdict that the stream closes with."""
        kernel.become_subreaper()
        (self.folder / "workers").mkdir(parents=True, exist_ok=True)
        self._started = self._loop.clock()
        if self.plan.minutes is not None:
            self._deadline = self._started + self.plan.minutes * 60.0 - self._before
        restore = self._listen_to_signals()
        try:
            self.emit(self._started_event(argv, environment))
            for skip in skipped:
                self.emit(skip)
            self._tick()
            self._sample()
            self._loop.later(AFTER_S, self._ask_libraries)
            self._loop.run_until(self._is_over)
            self._loop.run_until(self._errands_are_over)
            return self._close()
        finally:
            restore()
            # Whatever is below us now was orphaned by a zygote that somebody killed.
            kernel.kill_descendants(os.getpid())
            self._loop.close()

    def _started_event(self, argv: Sequence[str], environment: Mapping[str, str]) -> RunStarted | Resumed:
        plan = self.plan
        if self._resumed:
            return Resumed(t=time.time(), argv=tuple(argv), seconds=self._before)
        return RunStarted(
            t=time.time(),
            run=self.folder.name,
            argv=tuple(argv),
            seed=plan.seed,
            scenarios=tuple(entry.name for entry in plan.entries),
            minutes=plan.minutes,
            count=plan.count,
            jobs=len(self._slots),
            environment=dict(environment),
            isolation=plan.isolation,
        )

    def _close(self) -> Verdict:
        verdict = Verdict.INTERRUPTED if self.ending is Ending.INTERRUPTED else self._judge()
        if self.ending in (Ending.CANNOT_START, Ending.DISK):
            verdict = Verdict.CANNOT_RUN
        ended = RunEnded(
            t=time.time(),
            verdict=verdict,
            seconds=self._before + self._loop.clock() - self._started,
            reason=self.problem or (self.ending or Ending.BUDGET).value,
        )
        self.emit(ended)
        try:
            self._stream.close()
        except OSError as error:
            self.disk_failed(f"{self._stream.path}: {error.strerror}")
        return verdict

    def _is_over(self) -> bool:
        if self.ending is None and self._enough():
            self._end(Ending.ENOUGH)
        if self.ending is None:
            self._fill_slots()
            if all(slot.state is State.IDLE for slot in self._slots):
                self._end(Ending.BUDGET)
        return self.ending is not None and all(slot.state is State.IDLE for slot in self._slots)

    def _errands_are_over(self) -> bool:
        return self._errands == 0 or self._loop.clock() >= self._finish_by

    def _fill_slots(self) -> None:
        for slot in self._slots:
            if slot.state is State.IDLE and self._lanes:
                left = self._deadline - self._loop.clock()
                if left > 0:
                    slot.begin(self._lanes.popleft(), min(left, self.plan.turn_seconds()))

    def turn_over(self, slot: Slot) -> None:
        """A slot is free again; its lane waits for its next turn, if it has iterations left."""
        if slot.lane is not None and slot.lane.left != 0:
            self._lanes.append(slot.lane)
        slot.lane = None

    def lane_waits(self) -> bool:
        """Whether another scenario waits for a slot."""
        return bool(self._lanes)

    def _end(self, ending: Ending, problem: str = "") -> None:
        """Begin the end; the first reason counts, but a failed disk and an interrupt replace it."""
        if self.ending is not None and ending not in (Ending.DISK, Ending.INTERRUPTED):
            return
        self.ending = ending
        self.problem = problem
        self._lanes.clear()
        hasty = ending is not Ending.BUDGET
        self._finish_by = self._loop.clock() + (2.0 if ending is Ending.INTERRUPTED else _ERRANDS_GRACE_S)
        for slot in self._slots:
            if hasty:
                slot.stop()
            else:
                slot.stop_when_proved()
        grace = _BUDGET_GRACE_S + 3 * self.plan.hang_after
        if hasty:
            found = ending in (Ending.FINDING, Ending.ENOUGH)
            grace = _FINDING_GRACE_S if found else _INTERRUPT_GRACE_S
        asked = "interrupt" if hasty else "budget"
        self._loop.later(grace, lambda: self._kill_all(asked))
        self._loop.later(grace + _ZYGOTE_GRACE_S, lambda: self._kill_all(asked))

    def _kill_all(self, asked: str) -> None:
        for slot in self._slots:
            slot.kill(asked)

    def _ask_libraries(self) -> None:
        """Find out what takes its time, beside the work; nobody waits for the answer."""
        if self.ending is not None:
            return
        output = self.folder / "facts.txt"

        def answered(_code: int | None) -> None:
            if facts := read_facts(output):
                self._keeper.know(facts)
                self.emit(Facts(t=time.time(), facts=facts))

        try:
            command = facts_command(self._interpreter, self.plan, self.folder)
            Errand(self._loop, command, output, limit=LIMIT_S, done=answered)
        except OSError as error:
            self.emit(Note(t=time.time(), text=f"the libraries' facts cannot be asked for: {error}"))

    # -- time and signals --------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._loop.later(_TICK_S, self._tick)
        if self.ending is None and self._loop.clock() >= self._deadline:
            self._end(Ending.BUDGET)
        for slot in self._slots:
            slot.tick()
        self._show(lambda view: view.tick())

    def _sample(self) -> None:
        self._loop.later(_SAMPLE_S, self._sample)
        for slot in self._slots:
            slot.sample()

    def _listen_to_signals(self) -> Callable[[], None]:
        """Have SIGINT, SIGTERM and a lost terminal wake the loop; the first ends the run, the second kills
        its workers. Under `nohup` a lost terminal stays ignored."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            before[signal.SIGHUP] = signal.getsignal(signal.SIGHUP)
        before_fd = signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in before:
            signal.signal(number, lambda _number, _frame: None)

        def heard() -> None:
            for number in os.read(wake_read, 64):
                if number in before:
                    self._interrupted(number)

        def restore() -> None:
            signal.set_wakeup_fd(before_fd)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(wake_read)
            os.close(wake_write)

        self._loop.on_readable(wake_read, heard)
        return restore

    def _interrupted(self, number: int) -> None:
        if self.ending is Ending.INTERRUPTED:
            self._finish_by = self._loop.clock()
            self._kill_all("interrupt")
            return
        self.signal = number
        self._end(Ending.INTERRUPTED, f"interrupted by {signal.Signals(number).name}")

    # -- what slots ask of the run -----------------------------------------------------------------------

    def home(self, entry: Entry) -> Home:
        """Where the zygote of a scenario runs."""
        return Home(
            interpreter=self._interpreter,
            environment=worker_environment(entry, self._interpreter.python_path),
            log=self.folder / f"zygote-{entry.name}.log",
        )

    def new_worker_number(self) -> int:
        return next(self._numbers)

    def emit(self, event: Event, evidence: tuple[str, ...] = ()) -> list[Sighted]:
        """Write an event, show it, and file what the detectors see in it."""
        self._put(event)
        sightings = self._detective.feed(event, evidence=evidence)
        for sighted in sightings:
            self._file(sighted)
        return sightings

    def file_stuck(self, diagnosis: Diagnosis, evidence: tuple[str, ...]) -> list[Sighted]:
        """A hang, with the frames that the ladder saw."""
        self._put(diagnosis.stuck)
        sighted = self._detective.stuck(
            diagnosis.stuck,
            diagnosis.frames,
            evidence,
            iteration=diagnosis.iteration,
            blocked=diagnosis.blocked,
        )
        self._file(sighted)
        if diagnosis.problem:
            self.add_evidence(
                Evidence(
                    t=time.time(),
                    sighting=sighted.sighting,
                    name="native.txt",
                    path="",
                    problem=diagnosis.problem,
                )
            )
        return [sighted]

    def _put(self, event: Event) -> None:
        try:
            self._stream.write(event)
        except StreamError as error:
            self.disk_failed(str(error))
        self._show(lambda view: view.see(event))

    def _show(self, look: Callable[[View], None]) -> None:
        """Let the views look; one whose terminal or pipe is gone (`soak run 2>&1 | head`) looks no more."""
        for view in list(self._views):
            try:
                look(view)
            except OSError:
                self._views.remove(view)

    def _file(self, sighted: Sighted) -> None:
        self._put(sighted)
        accepted = False
        try:
            kept = self._keeper.keep(sighted)
        except OSError as error:
            self.disk_failed(f"{error.filename or self.plan.out}: {error.strerror}")
        else:
            self._kept[sighted.sighting] = kept
            self._kept.pop(sighted.sighting - _SIGHTINGS_REMEMBERED, None)
            self._put(kept)
            accepted = kept.finding in self.plan.accepted
        if self.plan.until_fail and not accepted and self.ending is None:
            self._end(Ending.FINDING)

    def disk_failed(self, text: str) -> None:
        """The disk is full or failed: end the run, once."""
        if self.ending not in (Ending.DISK, Ending.INTERRUPTED):
            self._end(
                Ending.DISK,
                f"{text}: the run ends here; what was recorded before is whole and readable. "
                f"Free some space or name another folder with --out",
            )

    def wants_native_stack(self, sighted: Sighted) -> bool:
        """Whether another native stack of this finding would tell something new, and there is time for it."""
        kept = self._kept.get(sighted.sighting)
        early = kept is None or kept.occurrence <= _NATIVE_STACKS_PER_FINDING
        return early and self._errands < _ERRANDS_AT_ONCE and self._loop.clock() < self._finish_by

    def add_evidence(self, evidence: Evidence) -> None:
        self._put(evidence)
        try:
            self._keeper.add(evidence)
        except OSError as error:
            self.disk_failed(f"{error.filename or self.plan.out}: {error.strerror}")

    def errand_began(self) -> Callable[[], None]:
        """Count an errand that the run waits for; call the result when it is over."""
        self._errands += 1

        def over() -> None:
            self._errands -= 1

        return over

    def cannot_start(self, entry: Entry, message: str) -> None:
        """A scenario's file or target cannot be imported: nothing that it would do makes sense."""
        self.emit(Note(t=time.time(), text=f"{entry.name} cannot start: {message}"))
        self._end(Ending.CANNOT_START, message)


def _lanes(plan: Plan, before: Standing) -> list[Lane]:
    """A lane for each scenario that has iterations left; a resumed one goes on where it was."""
    lanes = []
    for entry in plan.entries:
        tried = before.tries.get(entry.name, 0)
        left = None if plan.count is None else max(0, plan.count - tried)
        if left != 0:
            lanes.append(Lane(entry=entry, first=plan.first_iteration + tried, left=left))
    return lanes
