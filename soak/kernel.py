"""The few Linux calls that Python does not wrap: parent-death signals, subreapers, descendants.

Standard library only; used on both sides of the fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_PTRACER = 0x59616D61  # "Yama"
_PR_SET_PTRACER_ANY = 2**64 - 1

_KILL_ROUND_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One line of the process table. ``command`` is the command line, or the name where there is none."""

    pid: int
    parent: int
    session: int
    command: str


def set_parent_death_signal(number: int) -> None:
    """Have the kernel send this process ``number`` when the *thread* that started it ends; 0 for none.

    It does not survive an ``exec`` of a set-uid program, is not inherited by children, and is silent where
    the parent had died before: look at ``os.getppid()`` after the call.
    """
    _prctl(_PR_SET_PDEATHSIG, number)


def become_subreaper() -> None:
    """Have orphans among this process's descendants become its children instead of init's."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def allow_any_tracer() -> None:
    """Let a process that is no ancestor read this one's stacks where Yama's ptrace_scope is 1.

    pystack runs beside the worker, not above it. Without Yama there is nothing to allow.
    """
    with contextlib.suppress(OSError):
        _prctl(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY)


def _prctl(option: int, argument: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}, {argument}): {os.strerror(number)}")


def descendants(root: int) -> list[Process]:
    """Every living process below ``root``, whatever session or group it has moved to; zombies left out."""
    parents: dict[int, list[int]] = {}
    sessions: dict[int, int] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            stat = Path(entry.path, "stat").read_text(errors="replace")
            state, parent, _group, session = stat[stat.rindex(")") + 2 :].split()[:4]
            if state not in "ZX":
                sessions[int(entry.name)] = int(session)
            parents.setdefault(int(parent), []).append(int(entry.name))
    found, frontier = [], [root]
    while frontier:
        parent_pid = frontier.pop()
        for pid in parents.get(parent_pid, []):
            frontier.append(pid)
            if pid in sessions:
                found.append(
                    Process(pid=pid, parent=parent_pid, session=sessions[pid], command=_command(pid))
                )
    return found


def kill_descendants(root: int, *, spare: frozenset[int] = frozenset(), within: float = 2.0) -> list[Process]:
    """SIGKILL everything below ``root`` except ``spare`` and what is below it, until nothing is left.

    A process may fork while it is being killed, so this looks again until a look finds nobody, for
    ``within`` seconds at most. Returns each process that was met, once. ``root`` must be the caller, so
    that a pid in the list cannot have been reused: its zombie is ours to reap.
    """
    met: dict[int, Process] = {}
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        spared = {pid for kept in spare for pid in (kept, *(child.pid for child in descendants(kept)))}
        alive = [process for process in descendants(root) if process.pid not in spared]
        if not alive:
            break
        for process in alive:
            met.setdefault(process.pid, process)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
        time.sleep(_KILL_ROUND_S)
    return list(met.values())


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        text = raw.replace(b"\0", b" ").decode("utf-8", "replace").strip()
        return text or Path(f"/proc/{pid}/comm").read_text().strip()
    return "?"
