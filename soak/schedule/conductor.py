"""One schedule: the threads run one at a time, and at every point somebody decides who goes on.

A thread is parked at its gate, a lock of its own; to hand over is to open another's gate and to wait at one's
own. All state is touched by the one running thread only, so it needs no lock.
"""

from __future__ import annotations

import bisect
import enum
import threading

from soak.schedule.outcome import Decision, Deviation, Failure, Kind, Over, Strategy, deadlock
from soak.schedule.places import Place
from soak.schedule.task import TASKS, Task, Unwind, Wait, get_ident, new_lock

STEP = 10e-6
"""Virtual seconds that one step takes, so that a loop that waits for a deadline gets there."""
FAIR = 2_000
"""Steps in a row after which a thread gives way, so that a thread that spins does not starve the one it
waits for.
"""
WAITS = "waits for "
"""How an entry of the trail begins that is no point: a thread blocked."""
BACK = "goes on"
"""The entry of the trail of a thread that was switched away from and runs again."""
ENDS, RAISES = "ends", "raises"
"""The last entries of a thread."""
NO_POINT = (WAITS, BACK, ENDS, RAISES)
CLEANUP = 10_000
"""Steps that a thread may take in its `finally` blocks once its schedule is over."""


class Mark(enum.Enum):
    """What an entry of a recorded schedule's log is."""

    POINT = "reaches a point"
    TOUCH = "comes to an operation right after its line's point"
    SYNC = "took or gave"
    WAIT = "waits"
    BACK = "goes on"


Entry = tuple[int, Mark, object]
"""The thread, what it did, and at which place or with what."""


class Conductor:
    """Runs one schedule of one function."""

    def __init__(self, strategy: Strategy, *, limit: int, recording: bool = False) -> None:
        self.strategy = strategy
        self.limit = limit
        self.recording = recording
        self.tasks: list[Task] = []
        self.ready: list[Task] = []
        self.timed: list[Task] = []
        self.now = 0.0
        self.steps = 0
        self.over: Over | None = None
        self.finished = new_lock()
        self.finished.acquire()
        self.current: Task | None = None
        self.trail: list[tuple[int, Place | str]] = []
        self.log: list[Entry] = []
        self.decisions: list[Decision] = []
        self.deviations: list[Deviation] = []
        self.foreign: set[str] = set()
        self.cleanup = CLEANUP

    # Threads come and go

    def adopt(self, thread: threading.Thread, kind: str, parent: Task | None) -> Task:
        """A thread that is about to start; it is ready at once and parks before its first line."""
        task = Task(self, len(self.tasks), thread, kind, -1 if parent is None else parent.index)
        self.tasks.append(task)
        self.ready.append(task)
        return task

    def finish(self, task: Task) -> None:
        """The thread has run its last line; somebody else goes on."""
        TASKS.pop(get_ident(), None)
        task.done = True
        if self.over is not None:
            return
        self.sync(task, task)
        self.trail.append((task.index, ENDS))
        self.ready.remove(task)
        for joiner in task.joiners:
            self.wake(joiner)
        if all(other.done or other.daemon for other in self.tasks):
            self.end(Over())
            return
        task.blocks += 1
        chosen = self._pick(task, -task.blocks)
        if chosen is not None:
            self._open(chosen)

    def fail(self, task: Task, error: BaseException) -> None:
        """An exception that nobody caught ends the schedule."""
        if self.over is None and not isinstance(error, (Unwind, SystemExit)):
            self.trail.append((task.index, RAISES))
            words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            self.end(Over(failure=Failure(kind=Kind.ERROR, words=words, task=task.index, error=error)))

    def end(self, over: Over) -> None:
        """The first end counts; who conducts is told."""
        if self.over is None:
            self.over = over
            self.finished.release()

    # Points

    def reach(self, task: Task, place: Place) -> None:
        """A line or an opcode of the target comes next."""
        if task.inside:  # a finaliser that runs within our own code
            return
        task.place = place
        task.fresh = True
        if len(self.ready) > 1 or self.timed or self.recording or self.over or self.steps >= self.limit:
            self._yield(task, place)
            return
        # The only thread, as `_yield` would have it: this is what a loop that nobody can preempt pays.
        task.yields += 1
        task.streak = 0
        self.steps += 1
        self.now += STEP
        self.trail.append((task.index, place))

    def touch(self, task: Task, what: str) -> None:
        """A cooperative operation comes next: a point, unless it is the first after the line's own point."""
        if task.fresh:
            task.fresh = False
            if self.recording:
                self.log.append((task.index, Mark.TOUCH, None))
            if self.over is not None:
                self._unwind(task)
            return
        self._yield(task, what)

    def sync(self, task: Task, what: object) -> None:
        """The thread took or gave something whose order among threads counts: a lock, an item, an end."""
        if self.recording and not task.inside:
            self.log.append((task.index, Mark.SYNC, what))

    def _yield(self, task: Task, what: Place | str) -> None:
        if self.over is not None:
            self._unwind(task)
            return
        task.yields += 1
        self.steps += 1
        self.now += STEP
        self.trail.append((task.index, what))
        if self.recording:
            self.log.append((task.index, Mark.POINT, what))
        if self.steps > self.limit:
            self.end(Over(endless=True))
            self._unwind(task)
        if self.timed:
            self._expire()
        if len(self.ready) == 1 and not self.timed:
            task.streak = 0
            return
        task.inside = True
        chosen = self._pick(task, task.yields)
        task.inside = False
        if chosen is not None and chosen is not task:
            self._hand_over(task, chosen)

    # Waiting

    def block(self, task: Task, wait: Wait, deadline: float | None = None, *, sleeping: bool = False) -> bool:
        """Park until somebody wakes the thread; False if its deadline passed first. In virtual seconds."""
        if self.over is not None:
            raise Unwind
        task.wait, task.deadline, task.sleeping, task.expired = wait, deadline, sleeping, False
        self.ready.remove(task)
        if deadline is not None:
            self.timed.append(task)
        task.blocks += 1
        self.trail.append((task.index, f"{WAITS}{wait.what}"))
        if self.recording:
            self.log.append((task.index, Mark.WAIT, wait.on))
        task.inside = True
        chosen = self._pick(task, -task.blocks)
        task.inside = False
        if chosen is None:
            self._unwind(task)
        elif chosen is not task:
            self._hand_over(task, chosen)
        return not task.expired

    def wake(self, task: Task, *, expired: bool = False) -> None:
        """What the thread waited for has come, or will never; it may go on."""
        if task.wait is None or task.done:
            return
        if task.deadline is not None:
            self.timed.remove(task)
        task.wait, task.deadline, task.sleeping, task.expired = None, None, False, expired
        bisect.insort(self.ready, task, key=_index)

    def advance(self, instant: float) -> None:
        """Let virtual time pass until `instant`."""
        self.now = max(self.now, instant)
        self._expire()

    def decisions_after_last_deviation(self) -> list[Decision]:
        """The decisions of a recorded schedule that nobody has changed yet."""
        if not self.deviations:
            return self.decisions
        task, step, _ = self.deviations[-1]
        for number in range(len(self.decisions) - 1, -1, -1):
            if (self.decisions[number].task, self.decisions[number].step) == (task, step):
                return self.decisions[number + 1 :]
        return self.decisions

    def _expire(self) -> None:
        due = [task for task in self.timed if task.deadline is not None and task.deadline <= self.now]
        for task in sorted(due, key=_deadline):
            self.wake(task, expired=True)

    # Who goes on

    def _pick(self, task: Task, step: int) -> Task | None:
        """Who goes on after `task`, or None: the schedule has ended, for nobody can."""
        while not self.ready:
            if self.timed:
                self.advance(min(map(_deadline, self.timed)))
            else:
                stuck = self._stuck()
                self.end(Over(failure=deadlock(stuck) if stuck else None))
                return None
        choices = self._choices(task)
        expected = self._expected(task, choices)
        if len(choices) == 1:
            chosen = expected
        else:
            chosen = self.strategy.choose(task, step, choices, expected)
            if chosen is task and task.streak >= FAIR:
                chosen = expected
            if chosen is not expected:
                self.deviations.append((task.index, step, chosen.index))
            if self.recording:
                self.decisions.append(
                    Decision(
                        task=task.index,
                        step=step,
                        place=task.place if step > 0 else None,
                        choices=tuple(choice.index for choice in choices),
                        chosen=chosen.index,
                    )
                )
        if chosen is task:
            task.streak += 1
        else:
            task.streak = 0
        if chosen.wait is not None:
            self.advance(_deadline(chosen))
        return chosen

    def _choices(self, current: Task) -> list[Task]:
        """Who can go on. A sleeper may be chosen early (the others were slow), but no timeout is skipped
        over.
        """
        if self.timed:
            first = min(self.timed, key=_deadline)
            if first.sleeping and first is not current:
                return [*self.ready, first]
        return self.ready

    def _expected(self, current: Task, choices: list[Task]) -> Task:
        """The running thread goes on while it can; then the next one by rank, round and round."""
        if current.wait is None and not current.done and current.streak < FAIR:
            return current
        ready = self.ready
        return ready[bisect.bisect_right(ready, current.index, key=_index) % len(ready)]

    def _hand_over(self, task: Task, chosen: Task) -> None:
        self._open(chosen)
        task.gate.acquire()
        if self.over is not None:
            self._unwind(task)
        else:
            self.trail.append((task.index, BACK))
            if self.recording:
                self.log.append((task.index, Mark.BACK, None))

    def _open(self, chosen: Task) -> None:
        self.current = chosen
        chosen.gate.release()

    def _unwind(self, task: Task) -> None:
        """End the thread, once; then let its clean-up run, within bounds."""
        self.cleanup -= 1
        if not task.unwinding or self.cleanup < 0:
            task.unwinding = True
            raise Unwind

    def _stuck(self) -> list[Task]:
        """Who can never end, now that nobody can go on. A pool's idle worker ends with the interpreter."""
        from concurrent.futures import thread

        main_ended = self.tasks[0].done
        return [
            task
            for task in self.tasks
            if not task.done and not (main_ended and (task.daemon or task.thread in thread._threads_queues))
        ]


def _index(task: Task) -> int:
    return task.index


def _deadline(task: Task) -> float:
    assert task.deadline is not None
    return task.deadline
