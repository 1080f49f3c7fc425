"""Mixed Python and native stacks, from outside: of a process that hangs, or of the core of one that died.

pystack does the work in a process of its own, started by the supervisor's loop with one of the commands
here; what it prints is kept as evidence as it is and parsed here for the finding's name. Nothing here blocks,
starts a process or signals one: only the command that the caller starts stops its subject, for about 0.2 s.

Any interpreter from 3.7 on may be looked at, whichever runs soak. Standard library only.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soak.events import Frame
from soak.supervisor.stacks_cores import core_pattern, find_core, why_no_core
from soak.supervisor.stacks_reasons import explain

__all__ = [
    "CORE_SECONDS",
    "REMOTE_SECONDS",
    "ThreadStack",
    "blamed",
    "blocked_frames",
    "core_command",
    "core_pattern",
    "crashed_frames",
    "explain",
    "find_core",
    "parse",
    "remote_command",
    "why_no_core",
]

#: Innermost frames kept of one thread: a stack overflow has a hundred thousand, all alike.
FRAMES_KEPT = 200

#: Seconds after which a caller gives the command up: a process of 150 threads takes 1 s, on a busy core 5 s.
REMOTE_SECONDS = 10.0
#: As above for a core file, which is read from disk.
CORE_SECONDS = 20.0

_THREAD = re.compile(r"Traceback for thread (\d+)(?: \((.*)\))? \[([^\]]*)\] \(most recent call last\):$")
_PYTHON = re.compile(r'    \(Python\) File "(.*)", line (-?\d+), in (.*)$')
_NATIVE = re.compile(
    r'    \(C\) File "(.*)", line -?\d+, in (.*?)(?: \(inlined\))? \(([^()]*(?: \(deleted\))?)\)$'
)
_HAS_GIL = "Has the GIL"
_WAITS_FOR_GIL = "Waiting for the GIL"

# Frames that a dying process has put on top of the fault: faulthandler raises the signal again.
_SIGNAL_TRAMPOLINE = "__restore_rt"
_RAISING = frozenset({"raise", "gsignal", "abort", "pthread_kill"})
_RAISING_PREFIXES = ("__pthread_kill", "__GI_raise", "__GI_abort", "pthread_kill@")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStack:
    """One thread, as the operating system numbers it, with its frames innermost first.

    ``gil`` whether it holds the GIL, ``waits`` whether it waits for it; a process whose core was cut, or
    which was shutting down, may show neither. A native frame's ``file`` is the library it is in.
    """

    native_id: int
    name: str
    frames: tuple[Frame, ...]
    gil: bool
    waits: bool = False


def remote_command(pid: int) -> list[str]:
    """The command that prints the stacks of all threads of ``pid``: Python's and native ones."""
    return [*_pystack("remote"), str(pid), "--native-all", "--no-color"]


def core_command(core: Path, executable: Path) -> list[str]:
    """The command that prints the stacks in a ``core`` of the interpreter ``executable``."""
    return [*_pystack("core"), str(core), str(executable), "--native-all", "--no-color"]


def _pystack(verb: str) -> list[str]:
    # -P: a pystack.py in the working directory is not meant. utf8: it quotes lines of source files.
    return [sys.executable, "-P", "-X", "utf8", "-m", "pystack", verb]


def parse(text: str) -> tuple[ThreadStack, ...]:
    """The threads in what one of the commands printed, in its order; what is no stack is passed over."""
    stacks: list[ThreadStack] = []
    header: re.Match[str] | None = None
    frames: list[Frame] = []
    for line in text.splitlines():
        begins = _THREAD.match(line)
        if begins:
            if header is not None:
                stacks.append(_stack(header, frames))
            header, frames = begins, []
        elif header is not None and (frame := _frame(line)) is not None:
            frames.append(frame)
    if header is not None:
        stacks.append(_stack(header, frames))
    return tuple(stacks)


def _stack(header: re.Match[str], outermost_first: list[Frame]) -> ThreadStack:
    states = header[3].split(",")
    return ThreadStack(
        native_id=int(header[1]),
        name=header[2] or "",
        frames=tuple(reversed(outermost_first[-FRAMES_KEPT:])),
        gil=_HAS_GIL in states,
        waits=_WAITS_FOR_GIL in states,
    )


def _frame(line: str) -> Frame | None:
    if found := _PYTHON.match(line):
        return Frame(function=found[3], file=found[1], line=max(int(found[2]), 0))
    if found := _NATIVE.match(line):
        return Frame(function=found[2], file=found[3], native=True)
    return None


def blocked_frames(stacks: Sequence[ThreadStack], native_id: int) -> tuple[Frame, ...]:
    """The frames that explain why thread ``native_id`` does not get on, innermost first; none if absent.

    They are its own, unless it waits for the GIL while another thread holds the GIL inside native code: then
    they are that thread's, which is to blame. A holder that runs Python gives the GIL up within milliseconds.
    """
    own = next((stack for stack in stacks if stack.native_id == native_id), None)
    if own is None:
        return ()
    holder = blamed(stacks, own)
    return own.frames if holder < 0 else stacks[holder].frames


def blamed(stacks: Sequence[ThreadStack], own: ThreadStack) -> int:
    """The index of the thread that keeps the GIL from ``own`` inside native code, or -1."""
    if not own.waits:
        return -1
    holders = [number for number, stack in enumerate(stacks) if stack.gil and stack is not own]
    return holders[0] if holders and _is_in_native_call(stacks[holders[0]]) else -1


def _is_in_native_call(stack: ThreadStack) -> bool:
    """Whether the thread is in a library of somebody's, rather than in the interpreter itself."""
    if not stack.frames or not stack.frames[0].native:
        return False
    return not Path(stack.frames[0].file).name.startswith(("libpython", "python"))


def crashed_frames(stacks: Sequence[ThreadStack]) -> tuple[Frame, ...]:
    """The frames at the fault, in a core's ``stacks``, innermost first; none where nothing could be unwound.

    The thread that died is the one inside a signal handler or raising a signal; where the handler had no
    stack to run on (a stack overflow), the one with the most frames of those that could crash: the GIL's
    holder, else the first. What dying put on top of the fault is taken off.
    """
    for stack in stacks:
        under = _under_the_signal(stack.frames)
        if len(under) < len(stack.frames):
            return under
    holders = [stack for stack in stacks if stack.gil]
    deepest = [stack for stack in stacks if len(stack.frames) >= FRAMES_KEPT]
    chosen = (deepest or holders or list(stacks))[:1]
    return chosen[0].frames if chosen else ()


def _under_the_signal(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    functions = [frame.function for frame in frames]
    if _SIGNAL_TRAMPOLINE in functions:
        at = len(functions) - 1 - functions[::-1].index(_SIGNAL_TRAMPOLINE)
        return _without_raising(frames[at + 1 :])
    return _without_raising(frames)


def _without_raising(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Without abort's own frames: the interesting one is who called it."""
    at = 0
    while at < len(frames) and frames[at].native and _raises(frames[at].function):
        at += 1
    return frames[at:]


def _raises(function: str) -> bool:
    return function.partition("@")[0] in _RAISING or function.startswith(_RAISING_PREFIXES)
