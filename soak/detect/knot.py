"""The knot of a hang: the threads that the others wait for, out of all that stand still.

A deadlock makes victims: every operation that wants the lock comes to stand, each at a place of its own, and
which of them is noticed first is chance. What names a hang is the knot alone: in the graph of who waits for
whose lock, the strongly connected parts that wait for nobody else and that somebody waits for (a cycle, or
one that holds a lock and never gets on). The wait-for graph is E. G. Coffman's, M. Elphick's and
A. Shoshani's ("System Deadlocks", ACM Computing Surveys 3(2), 1971).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from soak.detect.frames import is_own
from soak.detect.locks import Locks, Sources
from soak.events import Blocked, Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """A thread as it stood when somebody looked, ``frames`` innermost first.

    ``stuck`` is whether it is an operation (or the phase) that has made no progress, ``lively`` whether it is
    known to have made some; ``blamed`` is the index of the thread that keeps the GIL from it inside native
    code, or -1.
    """

    thread: str
    doing: str
    frames: tuple[Frame, ...]
    stuck: bool = False
    lively: bool = False
    blamed: int = -1


def knot(threads: Sequence[Halted], sources: Sources) -> tuple[Blocked, ...]:
    """The threads that a hang is named by; none where no thread holds what a stuck one waits for.

    Where stuck threads wait for a lock, and no thread's frames hold it (its holder is gone, or is hidden in
    native code), the first of them stands for the lock.
    """
    # What a lively thread holds, it gives back: it was looked at in passing.
    locks = [Locks() if thread.lively else _locks(thread.frames, sources) for thread in threads]
    edges = {
        number: _wanted_from(number, threads, locks) for number, thread in enumerate(threads) if thread.frames
    }
    stuck = [number for number, thread in enumerate(threads) if thread.stuck and thread.frames]
    reach = {number: _reached(number, edges) for number in edges}
    sinks = {
        end
        for start in stuck
        for end in reach[start] | {start}
        if all(end in reach[other] for other in reach[end])
    }
    awaited = {end for end in sinks if any(end in reach[other] for other in reach if other != end)}
    if awaited:
        members = [_member(threads[number], locks, number, sources) for number in awaited]
        return tuple(sorted(members, key=lambda member: (member.holds, [_text(f) for f in member.frames])))
    orphans = [number for number in stuck if number in sinks and locks[number].waits]
    return tuple(_orphan(threads[number], locks[number]) for number in orphans[:1])


def _locks(frames: Sequence[Frame], sources: Sources) -> Locks:
    each = [sources.locks(frame) for frame in frames if is_own(frame)]
    # Who holds a lock and waits for one of that name has two locks, or waits for itself: it holds one anyway.
    return Locks(
        holds=frozenset().union(*(found.holds for found in each)),
        waits=frozenset().union(*(found.waits for found in each)),
    )


def _wanted_from(number: int, threads: Sequence[Halted], locks: Sequence[Locks]) -> frozenset[int]:
    """Whom a thread waits for: who holds a lock that it wants, or keeps the GIL."""
    found = {
        other for other, held in enumerate(locks) if other != number and held.holds & locks[number].waits
    }
    if threads[number].blamed >= 0:
        found.add(threads[number].blamed)
    return frozenset(found)


def _reached(start: int, edges: Mapping[int, frozenset[int]]) -> frozenset[int]:
    """All that a thread waits for, directly or not; itself only where it is in a cycle."""
    found: set[int] = set()
    ahead = list(edges.get(start, ()))
    while ahead:
        number = ahead.pop()
        if number not in found:
            found.add(number)
            ahead += edges.get(number, ())
    return frozenset(found)


def _member(halted: Halted, locks: Sequence[Locks], number: int, sources: Sources) -> Blocked:
    """A thread of the knot: its frames from where it stands out to the one that took what others want."""
    wanted = frozenset().union(*(each.waits for other, each in enumerate(locks) if other != number))
    own = [frame for frame in halted.frames if is_own(frame)]
    takes = [index for index, frame in enumerate(own) if sources.locks(frame).holds & wanted]
    return Blocked(
        thread=halted.thread,
        doing=halted.doing,
        frames=tuple(own[: takes[0] + 1]) if takes else halted.frames,
        holds=tuple(sorted(locks[number].holds & wanted)),
        waits=tuple(sorted(locks[number].waits)),
    )


def _orphan(halted: Halted, locks: Locks) -> Blocked:
    return Blocked(
        thread=halted.thread, doing=halted.doing, frames=halted.frames, waits=tuple(sorted(locks.waits))
    )


def _text(frame: Frame) -> tuple[str, str, int]:
    return frame.function, frame.file, frame.line
