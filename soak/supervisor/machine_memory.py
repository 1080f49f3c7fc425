"""What the kernel says about memory: cgroup limits, and the line it writes when it kills for lack of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_KMSG = Path("/dev/kmsg")
_READ_ALL, _SIZE_BUFFER = 3, 10  # klogctl's actions

#: The inode of the first pid namespace, the same on every Linux (PROC_PID_INIT_INO).
_HOST_PID_NAMESPACE = 0xEFFFFFFC

#: Records read of the kernel log at most: a flooded log must not hold the supervisor's loop.
_MOST_RECORDS = 20_000
#: Seconds by which the kernel's clock and ours may differ.
_CLOCK_SLACK_S = 2.0

_KILLED = re.compile(r"(?:Out of memory|out of memory|oom-kill|Killed process)")
_STAMP = re.compile(r"^(?:<\d+>)?\[\s*(\d+\.\d+)\] ?(.*)$")


def cgroup_folders(controller: str) -> list[Path]:
    """This process's folders of a cgroup controller, v2 and v1, its own first, then those above it."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    return cgroup_folders_of(lines, controller, _CGROUPS)


def cgroup_folders_of(lines: Iterable[str], controller: str, mounted: Path) -> list[Path]:
    """As :func:`cgroup_folders`, of the ``lines`` of a ``/proc/PID/cgroup``, below ``mounted``.

    In a container the path may be that of the host, while only the container's own part is mounted; so the
    root of the mount always counts as well.
    """
    folders: list[Path] = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            roots = [mounted, mounted / "unified"]
        elif controller in controllers.split(","):
            roots = [mounted / controllers, mounted / controller]
        else:
            continue
        for root in roots:
            inner = root if ".." in path.split("/") else root / path.lstrip("/")
            above = [parent for parent in inner.parents if parent == root or root in parent.parents]
            folders += [folder for folder in (inner, *above) if folder.is_dir()]
    return list(dict.fromkeys(folders))


def memory_limit() -> int | None:
    """The lowest memory limit of this process's cgroups in bytes, or None."""
    limits = []
    for folder in cgroup_folders("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with contextlib.suppress(OSError, ValueError):
                limits.append(int((folder / name).read_text()))
    real = [limit for limit in limits if limit < 1 << 60]  # v1 says "none" with a huge number
    return min(real, default=None)


def cpu_limit() -> float | None:
    """The lowest processor limit of this process's cgroups in cores, or None."""
    limits = []
    for folder in cgroup_folders("cpu"):
        with contextlib.suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            limits.append(int(quota) / int(period))
        with contextlib.suppress(OSError, ValueError):
            v1 = int((folder / "cpu.cfs_quota_us").read_text())
            if v1 > 0:
                limits.append(v1 / int((folder / "cpu.cfs_period_us").read_text()))
    return min(limits, default=None)


def oom_kills() -> int | None:
    """How many processes the kernel has killed in this process's cgroup for lack of memory, or None."""
    for folder in cgroup_folders("memory"):
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                for line in (folder / name).read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
    return None


def oom_line(pid: int, since: float, kills_before: int | None = None) -> str:
    """What the kernel said when it killed ``pid`` for lack of memory after ``since`` (Unix seconds), or "".

    Read from the kernel log, where this user may. The log's pids are the host's: in a container a kill of
    any pid after ``since`` counts. Without a log, ``kills_before`` (:func:`oom_kills` from before) lets the
    cgroup's counter say that it was memory. Never waits.
    """
    uptime_then = time.monotonic() - (time.time() - since) - _CLOCK_SLACK_S
    line = find_oom_line(kernel_log(), pid, uptime_then, any_pid=not _is_host_pid_namespace())
    if line:
        return line
    now = oom_kills()
    if kills_before is not None and now is not None and now > kills_before:
        return f"the cgroup's oom_kill counter rose from {kills_before} to {now}"
    return ""


def find_oom_line(
    records: Iterable[tuple[float, str]], pid: int, since_uptime: float, *, any_pid: bool = False
) -> str:
    """The last record that tells of the kill of ``pid`` (or, with ``any_pid``, of any) since then; or ""."""
    recent = [text for uptime, text in records if uptime >= since_uptime and _KILLED.search(text)]
    named = [text for text in recent if re.search(rf"(?:[Pp]rocess |pid=){pid}\b", text)]
    others = [text for text in recent if any_pid and "Killed process" in text]
    return (named or others or [""])[-1]


def _is_host_pid_namespace() -> bool:
    try:
        return os.stat("/proc/self/ns/pid").st_ino == _HOST_PID_NAMESPACE  # noqa: PTH116 - not a real path
    except OSError:
        return False


def kernel_log() -> list[tuple[float, str]]:
    """The kernel's messages as (seconds since boot, text), oldest first; empty where this user may not."""
    return _from_kmsg() or _from_klogctl()


def _from_kmsg() -> list[tuple[float, str]]:
    records: list[tuple[float, str]] = []
    try:
        fd = os.open(_KMSG, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return records
    try:
        for _ in range(_MOST_RECORDS):
            try:
                raw = os.read(fd, 8192)
            except BrokenPipeError:  # records were overwritten under us; the next read goes on behind them
                continue
            head, _semicolon, text = raw.decode("utf-8", "replace").partition(";")
            records.append((int(head.split(",")[2]) / 1e6, text.splitlines()[0] if text else ""))
    except (OSError, ValueError, IndexError):  # BlockingIOError: all read
        pass
    finally:
        os.close(fd)
    return records


def _from_klogctl() -> list[tuple[float, str]]:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "klogctl"):
        return []
    size = libc.klogctl(_SIZE_BUFFER, None, 0)
    if size <= 0:
        return []
    buffer = ctypes.create_string_buffer(size)
    length = libc.klogctl(_READ_ALL, buffer, size)
    lines = buffer.raw[: max(length, 0)].decode("utf-8", "replace").splitlines()
    return [(float(found[1]), found[2]) for line in lines if (found := _STAMP.match(line))]
