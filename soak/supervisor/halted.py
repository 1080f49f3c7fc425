"""Who stands where in a process that hangs: its stacks, and what the flight file knows of its threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soak.detect import faults
from soak.detect.knot import Halted, knot
from soak.detect.locks import Sources
from soak.events import Blocked, Frame
from soak.flight import SCENARIO, Snapshot, ThreadState
from soak.supervisor import native
from soak.supervisor.watch import Suspicion, progress_of

#: A source longer than this is not read for its locks.
_LONGEST_SOURCE = 2 << 20
#: A thread without progress for this part of the time that the suspected one had none stands still as well.
_STUCK_TOO = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a hang stands: the suspected thread's frames, and the threads that all the others wait for."""

    frames: tuple[Frame, ...] = ()
    blocked: tuple[Blocked, ...] = ()


def stand(
    suspicion: Suspicion, snapshot: Snapshot, now: float, stacks: Sequence[native.ThreadStack], dump: str
) -> Stand:
    """Where the hang stands, by the ``stacks`` that were read from outside; by the ``dump`` from inside where
    they do not show the suspected thread (pystack knows no subinterpreters, and may not be allowed to look).

    ``now`` is the moment of the ``snapshot``, in monotonic seconds. A starvation has frames alone: its hog's.
    """
    wanted = suspicion.hog_native_id or suspicion.native_id
    frames = native.blocked_frames(stacks, wanted)
    if frames:
        threads = _from_outside(suspicion, snapshot, now, stacks)
    else:
        threads = _from_inside(suspicion, snapshot, now, dump)
        ident = next((state.ident for state in snapshot.threads if state.native_id == wanted), 0)
        frames = next((found for number, found in _dumped(dump) if number == ident), ())
    if suspicion.starved:
        return Stand(frames=frames)
    return Stand(frames=frames, blocked=knot(threads, Sources(read_source)))


def _from_outside(
    suspicion: Suspicion, snapshot: Snapshot, now: float, stacks: Sequence[native.ThreadStack]
) -> list[Halted]:
    states = {state.native_id: state for state in snapshot.threads}
    return [
        _halted(states.get(stack.native_id), stack.frames, suspicion, now, native.blamed(stacks, stack))
        for stack in stacks
    ]


def _from_inside(suspicion: Suspicion, snapshot: Snapshot, now: float, dump: str) -> list[Halted]:
    states = {state.ident: state for state in snapshot.threads if state.ident}
    return [_halted(states.get(ident), frames, suspicion, now, -1) for ident, frames in _dumped(dump)]


def _dumped(dump: str) -> list[tuple[int, tuple[Frame, ...]]]:
    return [(int(thread.ident, 16), thread.frames) for thread in faults.parse(dump).threads]


def _halted(
    state: ThreadState | None, frames: tuple[Frame, ...], suspicion: Suspicion, now: float, blamed: int
) -> Halted:
    if state is None:
        return Halted(thread="", doing="", frames=frames, blamed=blamed)
    suspected = state.native_id == suspicion.native_id
    quiet = now - progress_of(state) > _STUCK_TOO * suspicion.seconds
    operates = state.kind == SCENARIO and bool(state.doing)
    return Halted(
        thread=state.name,
        doing=suspicion.doing if suspected else state.doing,
        frames=frames,
        stuck=suspected or (operates and quiet),
        lively=not suspected and not quiet,
        blamed=blamed,
    )


def read_source(file: str) -> str:
    """A file's text, for :class:`Sources`; "" where it cannot be had or is too long."""
    path = Path(file)
    try:
        if path.stat().st_size > _LONGEST_SOURCE:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
