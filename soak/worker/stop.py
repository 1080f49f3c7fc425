"""How operations are told that their time is up: threads by an event, processes by a shared word.

Standard library only.
"""

from __future__ import annotations

import hashlib
import mmap
import threading
import time
from typing import Protocol

_STOP, _FOUND, _DEADLINE, _DEATH, _PROMISES = 0, 1, 2, 3, 4
_MOST_PROMISES = 16
_PLACES = _PROMISES + _MOST_PROMISES
_PID, _READY, _DONE, _PLACE_WORDS = 0, 1, 2, 3
_LOOK = 0.002  # seconds between two looks at a shared word


class Halt(Protocol):
    """What operations look at. ``deadline`` is in monotonic seconds."""

    @property
    def now(self) -> bool: ...
    @property
    def deadline(self) -> float: ...
    @property
    def found(self) -> bool: ...
    def set(self) -> None: ...
    def set_found(self) -> None: ...
    def wait(self, seconds: float) -> bool: ...
    def is_told(self, promise: str) -> bool: ...
    def tell(self, promise: str) -> None: ...


class Stop:
    """For threads. ``now`` is read on every operation."""

    __slots__ = ("_event", "deadline", "found", "now")

    def __init__(self) -> None:
        self.now = False
        self.found = False
        self.deadline = float("inf")
        self._event = threading.Event()

    def set(self) -> None:
        self.now = True
        self._event.set()

    def set_found(self) -> None:
        """There is a finding, which ends the iteration."""
        self.found = True
        self.set()

    def wait(self, seconds: float) -> bool:
        """Wait until stopped, at most ``seconds``; returns whether it is."""
        return self._event.wait(max(0.0, seconds))

    def is_told(self, promise: str) -> bool:
        """Whether another process has told in this iteration that ``promise`` is broken."""
        return False

    def tell(self, promise: str) -> None:
        """It has been told."""


class Board:
    """Words that the worker and its operations' processes share, in memory that has no file.

    Every word has one writer at a time, or is only ever raised from 0 to 1.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._map = mmap.mmap(-1, (_PLACES + places * _PLACE_WORDS) * 8)
        self._words = memoryview(self._map).cast("Q")

    def close(self) -> None:
        self._words.release()
        self._map.close()

    # -- for all of the processes, as a Halt ---------------------------------------------------------------

    @property
    def now(self) -> bool:
        return self._words[_STOP] != 0

    @property
    def found(self) -> bool:
        return self._words[_FOUND] != 0

    @property
    def deadline(self) -> float:
        return self._words[_DEADLINE] / 1e9

    @deadline.setter
    def deadline(self, seconds: float) -> None:
        self._words[_DEADLINE] = int(seconds * 1e9)

    def set(self) -> None:
        self._words[_STOP] = 1

    def set_found(self) -> None:
        self._words[_FOUND] = 1
        self.set()

    def wait(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self.now and time.monotonic() < until:
            time.sleep(_LOOK)
        return self.now

    def is_told(self, promise: str) -> bool:
        return _mark(promise) in self._words[_PROMISES : _PROMISES + _MOST_PROMISES]

    def tell(self, promise: str) -> None:
        """It has been told: not before the event is written, for its writer may be killed on the way."""
        for at in range(_PROMISES, _PROMISES + _MOST_PROMISES):
            if not self._words[at]:
                self._words[at] = _mark(promise)
                return

    # -- one place per process -----------------------------------------------------------------------------

    def settle(self, place: int, pid: int) -> None:
        """Process ``pid`` lives in ``place``; 0 for nobody."""
        self._words[_PLACES + place * _PLACE_WORDS + _PID] = pid

    def pid(self, place: int) -> int:
        """The process that lives in ``place``; 0 for nobody."""
        pid: int = self._words[_PLACES + place * _PLACE_WORDS + _PID]
        return pid

    def stand_ready(self, place: int) -> None:
        self._words[_PLACES + place * _PLACE_WORDS + _READY] = 1

    @property
    def all_ready(self) -> bool:
        return all(self._words[_PLACES + p * _PLACE_WORDS + _READY] for p in range(self._places))

    def finish(self, place: int) -> None:
        """The process in ``place`` has done its work: from here on only its exit is left."""
        self._words[_PLACES + place * _PLACE_WORDS + _DONE] = 1

    def finished(self, place: int) -> bool:
        return self._words[_PLACES + place * _PLACE_WORDS + _DONE] != 0

    @property
    def death(self) -> tuple[int, int] | None:
        """Place and wait status of the first process that ended as none may, or None."""
        word: int = self._words[_DEATH]
        return (word >> 32, (word & 0xFFFF_FFFF) - 1) if word else None

    def tell_death(self, place: int, status: int) -> None:
        """The process in ``place`` ended as none may: all stop."""
        self._words[_DEATH] = self._words[_DEATH] or place << 32 | status + 1
        self.set()


def _mark(promise: str) -> int:
    return int.from_bytes(hashlib.blake2b(promise.encode(), digest_size=8).digest(), "little") or 1
