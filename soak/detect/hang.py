"""Hang and starvation: a thread made no progress for longer than it may."""

from __future__ import annotations

from soak.detect.clue import Clue
from soak.detect.frames import where
from soak.detect.words import duration
from soak.events import Frame, Kind, Phase, Stuck


def hang(stuck: Stuck, frames: tuple[Frame, ...], iteration: int) -> Clue:
    """The hang, or the starvation, that the supervisor saw; ``frames`` are the stuck thread's."""
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
    place = where(frames)
    return Clue(
        kind=Kind.HANG,
        title=f"hang in {what}" + (f", at {place}" if place else ""),
        promise=what,
        detail=f"{story}, during {stuck.phase.value}",
        frames=frames,
        doing=(story, *stuck.others),
        shutdown=stuck.phase is Phase.EXIT,
        iteration=iteration,
    )
