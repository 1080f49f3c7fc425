"""The stable name of a problem: equal for two sightings of one bug, on any machine, after edits elsewhere."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass

from soak.detect.frames import is_own, place, telling
from soak.detect.leak import varying
from soak.detect.words import signal_name
from soak.events import Blocked, Frame, Kind, Sighted

#: So many innermost frames name a problem. More would split one bug by its callers, fewer would merge two.
DEPTH = 3
#: A crash is named by its innermost frame alone: a second crashing thread cuts the dump short anywhere.
CRASH_DEPTH = 1
#: An exception is named by who raised it and who called that. Which operation these worked for is evidence:
#: one race raises below whichever comes to meet it.
ERROR_DEPTH = 2
#: A thread that holds a lock is named by its frames out to the one that took it: what it does meanwhile.
KNOT_DEPTH = 8

_TARGET = "target "


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """``id`` is ``kind-8hex``; ``parts`` are the texts it is made of, for people who ask why."""

    id: str
    parts: tuple[str, ...]


def signature(sighted: Sighted) -> Signature:
    """The signature of a sighting."""
    return _named(sighted, ERROR_DEPTH)


def _named(sighted: Sighted, error_depth: int) -> Signature:
    parts = (sighted.kind.value, *_parts(sighted, error_depth), *_target(sighted))
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
    return Signature(id=f"{sighted.kind.value}-{digest[:8]}", parts=parts)


def former_names(sighted: Sighted) -> frozenset[str]:
    """The other ids that soak has given such a sighting.

    Before names knew guarantees, left out for whom an error was raised, and did not depend on what the
    project's folder is called; and before they knew targets, knots and a lone thread's operation. What lies
    in a store under such a name stays there, and is recognised by it when it is brought back.
    """
    folder = sighted.project
    knot = [dataclasses.replace(each, frames=_in_folder(each.frames, folder)) for each in sighted.blocked]
    placed = dataclasses.replace(
        sighted, guarantee="", frames=_in_folder(sighted.frames, folder), blocked=tuple(knot)
    )
    bare = dataclasses.replace(placed, target="", operation="", blocked=())
    return frozenset(_named(each, DEPTH).id for each in (placed, bare))


def _in_folder(frames: tuple[Frame, ...], folder: str) -> tuple[Frame, ...]:
    """Frames as they were told by their whole path, as far as a name goes."""
    return tuple(
        dataclasses.replace(frame, file=f"/{folder}/{frame.file}")
        if folder and is_own(frame) and not frame.file.startswith("/")
        else frame
        for frame in frames
    )


def target_in(parts: tuple[str, ...]) -> str:
    """The target that a name was made with; "" where there was none, or where an older soak made it."""
    return parts[-1].removeprefix(_TARGET) if parts and parts[-1].startswith(_TARGET) else ""


def named_frames(frames: tuple[Frame, ...], depth: int = DEPTH) -> tuple[str, ...]:
    """The innermost places of a stack, a recursion's repetitions told once."""
    places: list[str] = []
    for frame in telling(frames):
        words = place(frame)
        if words not in places:
            places.append(words)
        if len(places) == depth:
            break
    return tuple(places)


def _target(sighted: Sighted) -> tuple[str, ...]:
    """Two systems that break one promise, or die in code that they share, have two problems. What is soak's
    or the machine's fault is no target's."""
    faultless = sighted.kind in (Kind.HARNESS, Kind.INFRA)
    return (f"{_TARGET}{sighted.target}",) if sighted.target and not faultless else ()


def _parts(sighted: Sighted, error_depth: int) -> tuple[str, ...]:
    # Where no frame tells where it happened, the scenario is the best place there is, and what its thread was
    # in, if it has only one.
    depth = {Kind.CRASH: CRASH_DEPTH, Kind.ERROR: error_depth}.get(sighted.kind, DEPTH)
    scenario = f"scenario {sighted.scenario}" + (f", in {sighted.operation}" if sighted.operation else "")
    where = named_frames(sighted.frames, depth) or (scenario,)
    match sighted.kind:
        case Kind.CRASH:
            marks = ("shutdown",) * sighted.shutdown + ("tainted",) * sighted.tainted
            return (signal_name(sighted.signal), *marks, *where)
        case Kind.EXIT:
            silent = sighted.promise.startswith("exit status ")
            return (sighted.promise, *where) if silent else (varying(sighted.promise),)
        case Kind.HANG if sighted.blocked:
            return tuple(sorted({_knotted(blocked, sighted.scenario) for blocked in sighted.blocked}))
        case Kind.HANG:
            return (_plain(sighted.promise), *where)
        case Kind.STARVATION:
            return (f"hog {_plain(sighted.promise)}", f"scenario {sighted.scenario}")
        case Kind.LEAK:
            named = sighted.promise != "memory"
            return (_plain(sighted.promise),) if named else ("memory", f"scenario {sighted.scenario}")
        case Kind.VIOLATION | Kind.INFRA:
            return (_plain(sighted.guarantee or sighted.promise),)
        case Kind.ERROR:
            return (sighted.promise, *where)
        case Kind.HARNESS:
            return (varying(sighted.promise), f"scenario {sighted.scenario}")


def _knotted(blocked: Blocked, scenario: str) -> str:
    """A thread that the others wait for, in words. A lock without a holder is named by itself: its victims
    stand anywhere."""
    if blocked.holds:
        return " < ".join(named_frames(blocked.frames, KNOT_DEPTH))
    if blocked.waits:
        return f"waits for {', '.join(blocked.waits)} of scenario {scenario}"
    places = named_frames(blocked.frames) or (f"scenario {scenario}",)
    return " < ".join((_plain(blocked.doing), *places))


def _plain(text: str) -> str:
    """A text without numbers and addresses: ``mutate-2`` and ``mutate-3`` are one."""
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r"0x[0-9a-fA-F]+", "0x", text)).strip()
