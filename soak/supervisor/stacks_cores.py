"""Where the kernel puts core files, and why there is none."""

from __future__ import annotations

import re
import resource
from pathlib import Path

_PATTERN = Path("/proc/sys/kernel/core_pattern")
_USES_PID = Path("/proc/sys/kernel/core_uses_pid")


def core_pattern() -> str:
    """The kernel's ``core_pattern``, "" where it cannot be read."""
    try:
        return _PATTERN.read_text().strip()
    except OSError:
        return ""


def find_core(cwd: Path, pid: int, since: float = 0.0) -> Path | None:
    """The core file that process ``pid`` left when it died in ``cwd``, or None. Never waits.

    ``since`` (Unix seconds) leaves out older files, where the pattern has no pid and the folder is shared.
    """
    try:
        uses_pid = _USES_PID.read_text().strip() not in ("", "0")
    except OSError:
        uses_pid = False
    return find_core_by(core_pattern(), cwd, pid, uses_pid=uses_pid, since=since)


def find_core_by(
    pattern: str, cwd: Path, pid: int, *, uses_pid: bool = False, since: float = 0.0
) -> Path | None:
    """As :func:`find_core`, with the kernel's settings handed in."""
    if not pattern or pattern.startswith("|"):
        return None
    names = [pattern] if _has_pid(pattern) else [f"{pattern}.%p", pattern]
    if not uses_pid:
        names.reverse()
    for name in names:
        path = cwd / name  # an absolute pattern replaces cwd
        if "%" in str(path.parent) or not path.parent.is_dir():
            continue
        # Without the pid in it, for `re` keeps what it has compiled: one per worker would look like a leak.
        wanted = re.compile(_as_regex(path.name))
        found = [
            each
            for each in path.parent.iterdir()
            if (match := wanted.fullmatch(each.name)) and set(match.groups()) <= {str(pid)}
        ]
        dated = [(stat.st_mtime, each) for each in found if (stat := each.stat()).st_size > 0]
        fresh = [each for each in dated if each[0] >= since]
        if fresh:
            return max(fresh)[1]
    return None


def why_no_core(cwd: Path, pid: int) -> str:
    """The reason why :func:`find_core` found none, with what would help."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    return why_no_core_by(core_pattern(), hard, cwd, pid)


def why_no_core_by(pattern: str, hard_limit: int, cwd: Path, pid: int) -> str:
    """As :func:`why_no_core`, with ``core_pattern`` and the hard limit of RLIMIT_CORE handed in."""
    if hard_limit == 0:
        return "no core: the limit for core files is 0 (`ulimit -Hc`); raise it where soak is started"
    if not pattern:
        return "no core: the kernel's core_pattern is empty or cannot be read"
    if pattern.startswith("|"):
        handler = pattern[1:].split()[0] if pattern[1:].split() else "a program"
        hint = f"; `coredumpctl dump {pid}` may have it" if "systemd-coredump" in handler else ""
        return (
            f"no core: the kernel hands cores to {handler}{hint}; "
            "`sysctl kernel.core_pattern=core` leaves them in the worker's folder"
        )
    place = cwd if not pattern.startswith("/") else Path(pattern).parent
    return f"no core in {place}: the process did not dump one, or the disk is full"


def _has_pid(pattern: str) -> bool:
    return re.search(r"%[pP]", pattern.replace("%%", "")) is not None


def _as_regex(name: str) -> str:
    """The pattern's last part as a regular expression: groups for pids, what else varies as anything."""
    parts = re.split(r"(%.)", name)
    return "".join(
        r"(\d+)"
        if part in ("%p", "%P")
        else "%"
        if part == "%%"
        else ".*"
        if part[:1] == "%"
        else re.escape(part)
        for part in parts
    )
