"""Histories: what was asked of a target and what it answered, by everybody, on one clock.

A :class:`Model` states what the target would do if only one caller spoke at a time. A history is fine if its
calls, each at one moment between its beginning and its end, could have happened one after the other on the
model: it is *linearizable* (Herlihy and Wing 1990). :mod:`soak.linearize` decides it.

Standard library only. Times are nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import enum
import itertools
import os
import pickle
import struct
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

#: So many calls of an iteration are kept; a history with more is not decided.
MOST_CALLS = 200_000
#: Seconds for deciding one iteration's history, by default.
SECONDS = 5.0
_LENGTH = struct.Struct("<I")


class Unknown(enum.Enum):
    """The one value :data:`UNKNOWN`."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "?"


#: The reply of a call that did not return, raised, or gave up waiting: it took effect, or will, or never.
UNKNOWN: Final = Unknown.UNKNOWN

Step = Callable[[Any, str, Any, Any], Iterable[Hashable]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a target does where one caller speaks at a time; each key is an object of its own.

    ``initial`` is the state of a key that nobody has called. ``step(state, operation, argument, reply)``
    gives the states in which that call may leave the object if that is its reply: none if the reply is not
    allowed, several if the target is free. With the reply :data:`UNKNOWN` it gives the states after every
    reply that is allowed. States are hashable values; ``step`` changes nothing and has no memory.
    """

    initial: Hashable
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as its caller saw it. ``ended`` is None where no reply is known: it may end at any time."""

    who: str
    key: Hashable
    operation: str
    argument: Any
    reply: Any
    began: int
    ended: int | None

    def __post_init__(self) -> None:
        if self.ended is not None and self.ended < self.began:
            raise ValueError(f"{self.operation}: ended {self.began - self.ended} ns before it began")


def name_process(name: str) -> None:
    """Name the calling process, which was forked to record, in its calls."""
    global _process_name
    _process_name = name


_process_name = "process"


class Recorded:
    """One call that is being made: ``with history.call(key, "start", "left") as call: call.reply = …``.

    Set ``reply`` inside the block, to a plain value that the model compares. A block that raises leaves it
    :data:`UNKNOWN`, unless it was set before.
    """

    __slots__ = ("_history", "argument", "began", "ended", "key", "operation", "reply", "who")

    def __init__(self, history: History, key: Hashable, operation: str, argument: Any) -> None:
        self._history = history
        self.key = key
        self.operation = operation
        self.argument = argument
        self.reply: Any = UNKNOWN
        self.who = ""
        self.began = 0
        self.ended: int | None = None

    def __enter__(self) -> Self:
        self._history._begin_call(self)
        self.began = time.monotonic_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        ended = time.monotonic_ns()
        if self.reply is not UNKNOWN:
            self._history._end_call(self, ended)

    def as_call(self) -> Call:
        """The call as it is by now. ``ended`` is set after ``reply``: another thread may be in between."""
        ended = self.ended
        reply = UNKNOWN if ended is None else self.reply
        return Call(
            who=self.who,
            key=self.key,
            operation=self.operation,
            argument=self.argument,
            reply=reply,
            began=self.began,
            ended=ended,
        )


class History:
    """The calls of one iteration. Threads and forked processes record; the worker judges at rest.

    The worker's threads keep their calls in memory. A forked process appends each beginning and each end to a
    file of its own in the worker's folder, so that a process that is killed leaves its last call pending.
    """

    def __init__(self, model: Model, *, name: str, seconds: float = SECONDS) -> None:
        self.model = model
        self.name = name
        self.seconds = seconds
        self._owner = os.getpid()
        self._calls: list[Recorded] = []
        self._folder: Path | None = None
        self._epochs = itertools.count(1)
        self._epoch = 0
        self._local = threading.local()
        self._spool: _Spool | None = None

    @property
    def promise(self) -> str:
        """What a history that no order explains breaks."""
        return f"the history of {self.name} is linearizable"

    def call(self, key: Hashable, operation: str, argument: Any = None) -> Recorded:
        """A call to be recorded, from any thread or forked process: enter it around the target's call.

        In a forked process, arguments and replies must be picklable.
        """
        return Recorded(self, key, operation, argument)

    # -- the worker's side -----------------------------------------------------------------------------------

    def begin(self, folder: Path | None = None) -> None:
        """Forget all calls; processes that are forked from now on spool theirs into ``folder``."""
        self._owner = os.getpid()
        self._calls = []
        self._folder = folder
        self._epoch = next(self._epochs)

    def calls(self) -> list[Call]:
        """All calls since :meth:`begin`, those of forked processes included, by their beginning."""
        own = [call.as_call() for call in self._calls]
        spooled = [call for path in self._spools() for call in _read_spool(path)]
        return sorted((*own, *spooled), key=lambda call: call.began)

    def forget(self) -> None:
        """Drop the calls, and the files of processes that have ended or never will record again."""
        self._calls = []
        for path in self._spools():
            path.unlink(missing_ok=True)

    def _spools(self) -> list[Path]:
        if self._folder is None:
            return []
        return sorted(self._folder.glob(f"{self._stem()}-*.spool"))

    def _stem(self) -> str:
        return f"calls-{self.name}-{self._epoch}".replace("/", "-")

    # -- the caller's side -----------------------------------------------------------------------------------

    def _begin_call(self, call: Recorded) -> None:
        if os.getpid() == self._owner:
            call.who = self._who()
            call.began = time.monotonic_ns()
            if len(self._calls) < MOST_CALLS:
                self._calls.append(call)
        else:
            self._spool_of_this_process().begin(call)

    def _end_call(self, call: Recorded, ended: int) -> None:
        if os.getpid() != self._owner:
            self._spool_of_this_process().end(call, ended)
        call.ended = ended

    def _who(self) -> str:
        try:
            who: str = self._local.who
        except AttributeError:
            # Unlike current_thread(), this leaves no dummy behind for a thread that Python did not start.
            mine = threading.get_ident()
            names = [thread.name for thread in threading.enumerate() if thread.ident == mine]
            who = self._local.who = names[0] if names else f"native-{threading.get_native_id()}"
        return who

    def _spool_of_this_process(self) -> _Spool:
        spool = self._spool
        if spool is None or spool.pid != os.getpid():
            if self._folder is None:
                raise RuntimeError(
                    f"history {self.name!r}: expected a call from the process that began it, got one from a "
                    "forked process; call begin(folder) before the fork"
                )
            spool = self._spool = _Spool(self._folder, self._stem())
        return spool


class _Spool:
    """One forked process's file: a frame for each beginning and for each end, in one write."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.pid = os.getpid()
        path = folder / f"{stem}-{self.pid}.spool"
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._numbers = itertools.count(time.monotonic_ns())  # a process may get the number of a dead one
        self._open: dict[int, int] = {}

    def begin(self, call: Recorded) -> None:
        number = self._open[id(call)] = next(self._numbers)
        thread = threading.current_thread()
        alone = thread is threading.main_thread()
        call.who = f"{_process_name} {self.pid}" + ("" if alone else f" {thread.name}")
        self._write((number, call.who, call.key, call.operation, call.argument, time.monotonic_ns()))

    def end(self, call: Recorded, ended: int) -> None:
        self._write((self._open.pop(id(call)), call.reply, call.began, ended))

    def _write(self, record: tuple[Any, ...]) -> None:
        text = pickle.dumps(record, pickle.HIGHEST_PROTOCOL)
        os.write(self._fd, _LENGTH.pack(len(text)) + text)


def _read_spool(path: Path) -> list[Call]:
    """The calls of a process, by now. A frame that a kill cut short is the last, and counts for nothing."""
    begun: dict[int, tuple[str, Hashable, str, Any, int]] = {}
    ended: dict[int, tuple[Any, int, int]] = {}
    for record in _frames(path.read_bytes()):
        if len(record) == 6:
            begun[record[0]] = record[1:]
        else:
            ended[record[0]] = record[1:]
    calls = []
    for number, (who, key, operation, argument, spooled) in begun.items():
        # The end knows better when the call itself began: after its beginning had been written down.
        reply, began, end = ended.get(number, (UNKNOWN, spooled, None))
        calls.append(
            Call(
                who=who, key=key, operation=operation, argument=argument, reply=reply, began=began, ended=end
            )
        )
    return calls


def _frames(data: bytes) -> Iterable[tuple[Any, ...]]:
    at = 0
    while at + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        text = data[at + _LENGTH.size : at + _LENGTH.size + length]
        if len(text) < length:
            return
        yield pickle.loads(text)  # noqa: S301 - our own child wrote it, into our own folder
        at += _LENGTH.size + length
