"""Where an author's statements go within a schedule: a broken promise fails it, there and then.

Standard library only.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from time import time  # the real one: what schedules see is the module's

from soak.author import guarantee_of
from soak.events import Frame, Phase, PromiseBroken, Raised
from soak.schedule.task import Unwind, here
from soak.worker import frames


class BrokenPromise(AssertionError):
    """What fails a schedule in which a promise did not hold."""

    def __init__(self, promise: str, details: Mapping[str, object]) -> None:
        self.promise = str(promise)
        self.problem = guarantee_of(promise) or self.promise
        words = ", ".join(f"{name}={frames.shown(value)}" for name, value in details.items())
        super().__init__(f"{promise} ({words})" if words else promise)


class ScheduleWitness:
    """Fails the schedule that runs, and keeps the event that a worker would have sent."""

    broken_here = 0

    def __init__(self) -> None:
        self.event: PromiseBroken | Raised | None = None
        self.phase = Phase.BOOT
        self.marks: set[int] = set()
        self.notes: set[str] = set()
        self.patience = 1
        self._asked: dict[int, int] = {}
        self._doing: dict[str, list[str]] = {}
        self._outside: BaseException | None = None

    def begin(self, patience: int) -> None:
        """A schedule begins, in which every thread may ask ``patience`` times before its time is up."""
        self.phase = Phase.SET_UP
        self.patience = patience
        self._asked, self._doing, self._outside = {}, {}, None

    def doing(self, thread: str) -> str:
        """What a thread of the last schedule was in when that ended."""
        inner = self._doing.get(thread)
        return inner[-1] if inner else ""

    # -- the author's statements (see soak.author.Witness) -------------------------------------------------

    def broken(self, promise: str, details: Mapping[str, object]) -> None:
        self.report_broken(promise, details, frames.of_stack(sys._getframe(1)))

    def seen(self, index: int) -> None:
        self.marks.add(index)

    def enter(self, label: str) -> None:
        self._doing.setdefault(threading.current_thread().name, []).append(label)

    def leave(self, raised: bool = False) -> None:
        task = here()
        if task is not None and task.conductor.over is not None:
            return  # what everybody was in when the schedule ended is evidence
        inner = self._doing.get(threading.current_thread().name)
        if inner:
            inner.pop()

    def beat(self) -> None:
        pass

    def stopping(self) -> bool:
        me = threading.get_ident()
        self._asked[me] = self._asked.get(me, 0) + 1
        return self._asked[me] > self.patience

    def was_stopped(self) -> bool:
        """Whether this thread was told that its time is up: it begins nothing more then."""
        return self._asked.get(threading.get_ident(), 0) > self.patience

    def processes(self, operations: tuple[str, ...]) -> tuple[int, ...]:
        return ()

    def took(self, what: str, seconds: float) -> None:
        pass

    # -- findings (see soak.worker.promises.Judge) ---------------------------------------------------------

    def report_broken(self, promise: str, details: Mapping[str, object], where: tuple[Frame, ...]) -> None:
        """Fail the schedule. Does not return, unless that is over already."""
        name = threading.current_thread().name
        event = PromiseBroken(
            t=time(),
            worker=1,
            iteration=0,
            thread=name,
            doing=self.doing(name),
            phase=self.phase,
            promise=str(promise),
            guarantee=guarantee_of(promise),
            details={str(key): frames.shown(value) for key, value in details.items()},
            frames=where,
            ring="",
        )
        self._fail(event, BrokenPromise(promise, details))

    def report_raised(self, error: BaseException, *, doing: str | None = None) -> None:
        """As :meth:`report_broken`, for an exception that nothing expected."""
        if isinstance(error, Unwind):
            raise error
        name = threading.current_thread().name
        self._fail(_raised(error, name, self.doing(name) if doing is None else doing, self.phase), error)

    def tell(self, text: str) -> None:
        """Say something to people that is no finding."""
        self.notes.add(text)

    def raise_outside(self) -> None:
        """Raise what a thread that no schedule controls found broken."""
        if self._outside is not None:
            raise self._outside

    def _fail(self, event: PromiseBroken | Raised, error: BaseException) -> None:
        task = here()
        if task is None:
            self._outside = self._outside or error
            self.event = event
            return
        if task.conductor.over is None:
            self.event = event
            task.conductor.fail(task, error)
        task.conductor.touch(task, "must not go on")


def event_of(error: BaseException) -> Raised:
    """The event of an exception that ended one of the target's own threads."""
    return _raised(error, "a thread of the target's", "", Phase.OPERATIONS)


def _raised(error: BaseException, thread: str, doing: str, phase: Phase) -> Raised:
    return Raised(
        t=time(),
        worker=1,
        iteration=0,
        thread=thread,
        doing=doing,
        phase=phase,
        error=frames.error_name(error),
        message=frames.error_message(error),
        traceback=frames.error_text(error),
        frames=frames.of_traceback(error.__traceback__),
        ring="",
    )
