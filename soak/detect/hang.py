"""Hang and starvation: a thread made no progress for longer than it may."""

from __future__ import annotations

from soak.detect.clue import Clue
from soak.detect.frames import where
from soak.detect.words import duration
from soak.events import Blocked, Frame, Kind, Phase, Stuck


def hang(stuck: Stuck, frames: tuple[Frame, ...], iteration: int, blocked: tuple[Blocked, ...] = ()) -> Clue:
    """The hang, or the starvation, that the supervisor saw; ``frames`` are the stuck thread's, ``blocked``
    the threads that all others wait for, where that is known."""
    what = stuck.doing or stuck.phase.value
    story = f"{stuck.thread} has been in {what} for {duration(stuck.seconds)}"
    if stuck.starved:
        return Clue(
            kind=Kind.STARVATION,
            title=f"{stuck.thread} starves in {what}: {stuck.hog or 'another thread'} holds the processor",
            promise=stuck.hog,
            detail=story,
            frames=frames,
            doing=(story, *stuck.others),
            iteration=iteration,
        )
    # Which thread is noticed first is chance; those that the others wait for are the same each time.
    if blocked and blocked[0].holds:
        what, frames = blocked[0].doing or what, blocked[0].frames
    place = where(frames)
    return Clue(
        kind=Kind.HANG,
        title=f"hang in {what}" + (f", at {place}" if place else ""),
        promise=what,
        detail="; ".join((f"{story}, during {stuck.phase.value}", *map(say_blocked, blocked))),
        frames=frames,
        doing=(story, *stuck.others),
        shutdown=stuck.phase is Phase.EXIT,
        blocked=blocked,
        iteration=iteration,
    )


def say_blocked(blocked: Blocked) -> str:
    """``move-1 (remove_robot) holds _lock and stands at wait (arm/runs.py)``."""
    who = blocked.thread or "a thread of the target's"
    doing = f" ({blocked.doing})" if blocked.doing else ""
    place = where(blocked.frames)
    if not blocked.holds:
        wants = (
            f" waits for {', '.join(blocked.waits)}, which no thread's frames hold" if blocked.waits else ""
        )
        return f"{who}{doing}{wants or f' stands at {place}'}"
    wants = f", waits for {', '.join(blocked.waits)}" if blocked.waits else ""
    return f"{who}{doing} holds {', '.join(blocked.holds)}{wants} and stands at {place}"
