"""The flight file: counters and a ring of recent operations in a memory map.

Written by the worker, read by the supervisor, alive after SIGKILL. Every field is one aligned 64-bit word, so
that a reader in another process never sees half of one, and every thread writes only its own slot, so that no
count is lost. Times are CLOCK_MONOTONIC nanoseconds, which all processes of a machine share.

Layout, in words::

    header   HEADER words          see the H_ constants
    labels   LABELS x LABEL_WORDS  texts, UTF-8, zero-padded: operations, phases, what `doing` named
    slots    SLOTS x SLOT_WORDS    one per thread: see the S_ constants, then its name, marks and ring

Standard library only.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soak.events import Phase

MAGIC = 0x736F616B_00000001  # "soak", layout 1

HEADER = 32
H_MAGIC, H_STOP, H_PHASE, H_PHASE_SINCE, H_PHASE_LIMIT = 0, 1, 2, 3, 4
H_ITERATION, H_ITERATIONS, H_LABELS, H_SLOTS, H_STARTED = 5, 6, 7, 8, 9

LABELS, LABEL_WORDS = 1024, 8  # 64 bytes of text each
SLOTS = 96
NAME_WORDS, MARKS, RING, RING_WORDS = 6, 48, 64, 3

S_NATIVE_ID, S_DOING, S_SINCE, S_BEAT_AT, S_BEATS = 0, 1, 2, 3, 4
S_OPERATIONS, S_ACCEPTED, S_REFUSED, S_HEAD, S_KIND = 5, 6, 7, 8, 9
S_NAME = 10
S_MARKS = S_NAME + NAME_WORDS
S_RING = S_MARKS + MARKS
SLOT_WORDS = S_RING + RING * RING_WORDS

LABELS_AT = HEADER
SLOTS_AT = LABELS_AT + LABELS * LABEL_WORDS
WORDS = SLOTS_AT + SLOTS * SLOT_WORDS
SIZE = WORDS * 8

#: Of the labels, so many belong to the worker itself once it shares the file with its operations' processes.
OWN_LABELS = LABELS // 2

#: Outcomes of a ring entry, kept in the label word's upper half.
DONE, REFUSED, RAISED, INSIDE = 0, 1, 2, 3
OUTCOMES = ("done", "refused", "raised", "inside")

#: Kinds of slots: the worker's main thread, a thread of the scenario's, a thread of the target's own.
MAIN, SCENARIO, TARGET = 0, 1, 2
#: Above the kind, the same word has Python's ident of the thread, by which faulthandler calls it.
_KIND_BITS, _WORD = 8, (1 << 64) - 1

PHASES = tuple(Phase)


class Slot:
    """One thread's part of the flight file. Used by that thread alone."""

    __slots__ = ("_base", "_clock", "_ring", "_words", "stack")

    def __init__(self, words: memoryview, index: int, clock: Callable[[], int]) -> None:
        self._words = words
        self._base = SLOTS_AT + index * SLOT_WORDS
        self._ring = self._base + S_RING
        self._clock = clock
        self.stack: list[tuple[int, int]] = []

    def enter(self, label: int) -> None:
        """This thread begins ``label``; what it was doing goes on when it leaves."""
        now = self._clock()
        words, base = self._words, self._base
        self.stack.append((label, now))
        words[base + S_SINCE] = now
        words[base + S_DOING] = label

    def leave(self, outcome: int = DONE) -> None:
        """This thread ends what it entered last, and files it in its ring."""
        words, base, stack = self._words, self._base, self.stack
        label, since = stack.pop()
        now = self._clock()
        head = words[base + S_HEAD]
        entry = self._ring + (head % RING) * RING_WORDS
        words[entry] = since
        words[entry + 1] = now - since
        words[entry + 2] = label | outcome << 32
        words[base + S_HEAD] = head + 1
        words[base + S_SINCE] = now
        words[base + S_DOING] = stack[-1][0] if stack else 0

    def count(self, *, refused: bool) -> None:
        """One more operation of this thread is complete."""
        words, base = self._words, self._base
        words[base + S_OPERATIONS] += 1
        words[base + (S_REFUSED if refused else S_ACCEPTED)] += 1

    def beat(self) -> None:
        """This thread made progress inside what it is doing."""
        words, base = self._words, self._base
        words[base + S_BEAT_AT] = self._clock()
        words[base + S_BEATS] += 1

    def mark(self, index: int) -> None:
        """The ``index``-th `sometimes` was seen by this thread."""
        self._words[self._base + S_MARKS + index] += 1


class Flight:
    """The writer's end, in the worker."""

    def __init__(self, path: Path, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Map ``path``, which :func:`create` made."""
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self.words = memoryview(self._map).cast("Q")
        if self.words[H_MAGIC] != MAGIC:
            raise ValueError(f"{path} is no flight file of this version of soak")
        self._clock = clock
        self._lock = threading.Lock()
        self._labels: dict[str, int] = {}
        self._last_label, self._most_labels = 0, LABELS - 1
        self.words[H_STARTED] = clock()

    def share(self, part: int, parts: int) -> None:
        """Take new labels from a region of the table of one's own, since another process also adds some.

        Regions are numbered from 0, the worker's own, to ``parts``. What a process of this region wrote
        before it was killed is known again.
        """
        width = (LABELS - 1 - OWN_LABELS) // max(1, parts)
        first = OWN_LABELS + (part - 1) * width if part else self._last_label
        self._most_labels = first + width if part else OWN_LABELS
        self._last_label = first
        while part and self._last_label + 1 < self._most_labels:
            text = _read_text(self.words, LABELS_AT + (self._last_label + 1) * LABEL_WORDS, LABEL_WORDS)
            if not text:
                break
            self._last_label += 1
            self._labels.setdefault(text, self._last_label)

    def label(self, text: str) -> int:
        """The number of a text. When the table is full, new texts share the last entry."""
        number = self._labels.get(text)
        return self._intern(text) if number is None else number

    def _intern(self, text: str) -> int:
        with self._lock:
            if text in self._labels:
                return self._labels[text]
            number = self._last_label + 1  # 0 means "nothing"
            if number < self._most_labels:
                shown = text
                self._last_label = number
            else:
                number, shown = LABELS - 1, "(other)"
            _write_text(self.words, LABELS_AT + number * LABEL_WORDS, LABEL_WORDS, shown)
            self.words[H_LABELS] = max(self.words[H_LABELS], number)
            self._labels[text] = number
            return number

    def slot(self, index: int, name: str, kind: int) -> Slot:
        """Open slot ``index`` for the calling thread. Its counts go on from what the slot holds."""
        base = SLOTS_AT + index * SLOT_WORDS
        words = self.words
        words[base + S_DOING] = 0
        words[base + S_NATIVE_ID] = threading.get_native_id()
        words[base + S_KIND] = kind | threading.get_ident() << _KIND_BITS & _WORD
        words[base + S_BEAT_AT] = 0
        _write_text(words, base + S_NAME, NAME_WORDS, name)
        words[H_SLOTS] = max(words[H_SLOTS], index + 1)
        return Slot(words, index, self._clock)

    def vacate(self, index: int) -> None:
        """The process that had slot ``index`` is gone: it does nothing any more. Its counts and ring stay."""
        if index < SLOTS:  # beyond, a process works without a slot
            self.words[SLOTS_AT + index * SLOT_WORDS + S_DOING] = 0

    def enter_phase(self, phase: Phase, limit: float) -> None:
        """The iteration enters ``phase``, which may take ``limit`` seconds."""
        words = self.words
        words[H_PHASE_LIMIT] = int(limit * 1e9)
        words[H_PHASE_SINCE] = self._clock()
        words[H_PHASE] = PHASES.index(phase)

    @property
    def phase(self) -> Phase:
        return PHASES[self.words[H_PHASE]]

    @property
    def stop_asked(self) -> bool:
        """Whether the supervisor asked the worker to come to an end."""
        return bool(self.words[H_STOP])

    def totals(self) -> tuple[int, int, int]:
        """Operations, accepted, refused: sums over all threads."""
        bases = [SLOTS_AT + index * SLOT_WORDS for index in range(self.words[H_SLOTS])]
        words = self.words
        return (
            sum(words[base + S_OPERATIONS] for base in bases),
            sum(words[base + S_ACCEPTED] for base in bases),
            sum(words[base + S_REFUSED] for base in bases),
        )

    def marks(self, count: int) -> list[int]:
        """How often each of ``count`` `sometimes` was seen, over all threads."""
        bases = [SLOTS_AT + index * SLOT_WORDS + S_MARKS for index in range(self.words[H_SLOTS])]
        return [sum(self.words[base + index] for base in bases) for index in range(count)]

    def copy(self) -> bytes:
        """The whole file at one moment: the GIL is held all along, so no Python thread moves."""
        return bytes(self._map)


@dataclass(frozen=True, slots=True, kw_only=True)
class RingEntry:
    """One thing that a thread did: when it began (monotonic seconds), how long it took, how it ended."""

    label: str
    began: float
    seconds: float
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadState:
    """One thread's slot. ``since`` and ``beat_at`` are monotonic seconds, 0.0 for never; ``ident`` is 0 where
    an older soak wrote the file."""

    name: str
    kind: int
    native_id: int
    doing: str
    since: float
    beat_at: float
    beats: int
    operations: int
    head: int
    ring: tuple[RingEntry, ...]
    ident: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A flight file's contents. Times are monotonic seconds."""

    phase: Phase
    phase_since: float
    phase_limit: float
    iteration: int
    iterations: int
    operations: int
    accepted: int
    refused: int
    marks: tuple[int, ...]
    threads: tuple[ThreadState, ...]


def create(path: Path) -> None:
    """Make an empty flight file.

    Raises:
        OSError: the disk is full. All blocks are taken here: a hole that is written to through the map on
            a full disk would kill the worker with SIGBUS, which would look like the target's crash.
    """
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, SIZE)
        file.write(MAGIC.to_bytes(8, "little"))


class FlightReader:
    """The reader's end, in the supervisor; or of a copy that was kept."""

    def __init__(self, path: Path) -> None:
        """Map the flight file ``path``.

        Raises:
            ValueError: it is cut, or of another layout.
        """
        size = path.stat().st_size
        if size != SIZE:
            raise ValueError(f"{path}: expected a flight file of {SIZE} bytes, got {size}")
        writable = os.access(path, os.W_OK)
        with path.open("r+b" if writable else "rb") as file:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._map = mmap.mmap(file.fileno(), SIZE, access=access)
        self._words = memoryview(self._map).cast("Q")
        if self._words[H_MAGIC] != MAGIC:
            self.close()
            raise ValueError(f"{path} is no flight file of this version of soak")
        self._label_texts: dict[int, str] = {0: ""}

    def close(self) -> None:
        self._words.release()
        self._map.close()

    def ask_to_stop(self) -> None:
        """Ask the worker to come to an end after this iteration's operations."""
        self._words[H_STOP] = 1

    def snapshot(self, *, rings: bool = False, marks: int = 0) -> Snapshot:
        """What the file says now. Rings are read only where asked for: they are most of the file."""
        words = self._words
        used = min(words[H_SLOTS], SLOTS)
        bases = [SLOTS_AT + index * SLOT_WORDS for index in range(used)]
        return Snapshot(
            phase=PHASES[min(words[H_PHASE], len(PHASES) - 1)],
            phase_since=words[H_PHASE_SINCE] / 1e9,
            phase_limit=words[H_PHASE_LIMIT] / 1e9,
            iteration=words[H_ITERATION],
            iterations=words[H_ITERATIONS],
            operations=sum(words[base + S_OPERATIONS] for base in bases),
            accepted=sum(words[base + S_ACCEPTED] for base in bases),
            refused=sum(words[base + S_REFUSED] for base in bases),
            marks=tuple(sum(words[base + S_MARKS + mark] for base in bases) for mark in range(marks)),
            threads=tuple(self._thread(base, rings=rings) for base in bases if words[base + S_NATIVE_ID]),
        )

    def _thread(self, base: int, *, rings: bool) -> ThreadState:
        words = self._words
        return ThreadState(
            name=_read_text(words, base + S_NAME, NAME_WORDS),
            kind=words[base + S_KIND] & ((1 << _KIND_BITS) - 1),
            native_id=words[base + S_NATIVE_ID],
            doing=self._label(words[base + S_DOING]),
            since=words[base + S_SINCE] / 1e9,
            beat_at=words[base + S_BEAT_AT] / 1e9,
            beats=words[base + S_BEATS],
            operations=words[base + S_OPERATIONS],
            head=words[base + S_HEAD],
            ring=self._ring(base) if rings else (),
            ident=words[base + S_KIND] >> _KIND_BITS,
        )

    def _ring(self, base: int) -> tuple[RingEntry, ...]:
        words = self._words
        head = words[base + S_HEAD]
        entries = []
        for serial in range(max(0, head - RING), head):
            at = base + S_RING + (serial % RING) * RING_WORDS
            packed = words[at + 2]
            entries.append(
                RingEntry(
                    label=self._label(packed & 0xFFFFFFFF),
                    began=words[at] / 1e9,
                    seconds=words[at + 1] / 1e9,
                    outcome=OUTCOMES[min(packed >> 32, INSIDE)],
                )
            )
        return tuple(entries)

    def _label(self, number: int) -> str:
        text = self._label_texts.get(number)
        if text is None:
            number = min(number, LABELS - 1)
            text = _read_text(self._words, LABELS_AT + number * LABEL_WORDS, LABEL_WORDS)
            if text:
                self._label_texts[number] = text
        return text


def _write_text(words: memoryview, at: int, count: int, text: str) -> None:
    raw = text.encode()[: count * 8].ljust(count * 8, b"\0")
    for index in range(count):
        words[at + index] = int.from_bytes(raw[index * 8 : index * 8 + 8], "little")


def _read_text(words: memoryview, at: int, count: int) -> str:
    raw = b"".join(words[at + index].to_bytes(8, "little") for index in range(count))
    return raw.rstrip(b"\0").decode("utf-8", "replace")
