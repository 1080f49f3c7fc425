"""Error: an exception that no operation expected."""

from __future__ import annotations

from soak.detect.clue import Clue
from soak.detect.frames import where
from soak.events import Kind, Raised

_MESSAGE_CHARACTERS = 160


def error(raised: Raised) -> Clue:
    """The exception, named by its type and by where it came from; its message is evidence only."""
    message = " ".join(raised.message.split())
    if len(message) > _MESSAGE_CHARACTERS:
        message = message[: _MESSAGE_CHARACTERS - 1] + "…"
    place = where(raised.frames)
    thread = f"{raised.thread} in {raised.doing}" if raised.doing else raised.thread
    return Clue(
        kind=Kind.ERROR,
        title=f"{raised.error}" + (f" in {place}" if place else "") + (f": {message}" if message else ""),
        promise=raised.error,
        detail=f"{thread}, during {raised.phase.value}",
        frames=raised.frames,
        doing=(thread,),
        iteration=raised.iteration,
    )
