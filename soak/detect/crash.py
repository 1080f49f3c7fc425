"""Crash: a worker died of a signal that nobody of ours had sent."""

from __future__ import annotations

import signal

from soak.detect import faults
from soak.detect.clue import Clue, Watched
from soak.detect.exits import last_line
from soak.detect.frames import where
from soak.detect.words import signal_name
from soak.events import Frame, Kind, Phase, WorkerEnded

#: What may have been sent to end a worker. An abort in the last second of a run is the target's own.
_POLITE = frozenset({signal.SIGTERM, signal.SIGINT})


def crash(ended: WorkerEnded, watched: Watched) -> Clue | None:
    """The crash that ended this worker, if it was one.

    A crash after the last words, or during the exit phase with no Python frame, is of the class *shutdown*.
    One after a dump from inside began is *tainted*: the dump itself may have crashed a healthy process; it
    is told only where no hang was told of this worker.
    """
    number = -ended.status
    if number <= 0 or number == signal.SIGKILL or _was_ours(ended, number):
        return None
    if ended.dump_began and watched.hang_sighted:
        return None
    fault = faults.parse(ended.fault_text)
    frames = fault.crashed.frames if fault.crashed else ()
    shutdown = ended.last_words or (ended.phase is Phase.EXIT and not frames)
    return Clue(
        kind=Kind.CRASH,
        title=_title(number, frames, shutdown=shutdown, has_text=bool(fault.threads)),
        detail=_detail(ended, fault),
        frames=frames,
        doing=ended.doing,
        signal=number,
        tainted=ended.dump_began,
        shutdown=shutdown,
        operation=ended.operation,
        iteration=ended.iteration,
    )


def _was_ours(ended: WorkerEnded, number: int) -> bool:
    return ended.asked == "hang" or (bool(ended.asked) and number in _POLITE)


def _title(number: int, frames: tuple[Frame, ...], *, shutdown: bool, has_text: bool) -> str:
    name = signal_name(number)
    place = where(frames)
    if shutdown:
        return f"{name} at shutdown" + (f", in {place}" if place else "")
    if place:
        return f"{name} in {place}"
    return f"{name} in a thread without Python frames" if has_text else f"{name} without a Python stack"


def _detail(ended: WorkerEnded, fault: faults.Fault) -> str:
    parts = [f"during {ended.phase.value}, {ended.seconds:.1f} s after the worker began"]
    if fault.error:
        parts.append(f"faulthandler: {fault.error}")
    if said := last_line(ended.mujoco_log):
        parts.append(f"MuJoCo's log: {said}")
    if ended.dump_began:
        parts.append("a dump from inside had begun, which can itself crash a healthy process")
    return "; ".join(parts)
