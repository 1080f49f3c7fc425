"""What this machine can do for soak: each thing tried by a small probe of its own, bounded in time.

``soak doctor`` prints the facts; a run keeps the environment in its first event, and asks the kernel why a
worker was killed. Works without root; imports neither mujoco nor numpy.
"""

from __future__ import annotations

import mmap
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from soak.supervisor.machine_environment import cpu_model, environment
from soak.supervisor.machine_facts import Fact
from soak.supervisor.machine_interpreter import probe_gl, probe_interpreter
from soak.supervisor.machine_memory import cpu_limit, kernel_log, memory_limit, oom_kills, oom_line
from soak.supervisor.machine_rights import probe_cores, probe_ptrace, probe_pystack

__all__ = ["Fact", "environment", "oom_kills", "oom_line", "probe_all"]

#: A run's stream, evidence and a few cores of 30 MB: below this a night may end with a full disk.
_ROOM_BYTES = 1_000_000_000
_TRIAL_BYTES = 1_000_000


def probe_all(out: Path, python: str = "", *, gl: bool = True) -> Iterator[Fact]:
    """Probe everything, cheap things first; 3 s in all, with ``gl`` (rendering a frame) up to a minute.

    ``out`` is where runs are kept (it need not exist yet), ``python`` the workers' interpreter ("": ours).
    """
    yield probe_system()
    yield probe_cpus()
    yield probe_memory()
    folder = nearest_folder(out)
    disk = probe_disk(folder)
    yield disk
    if disk.ok or not disk.required:
        yield probe_memory_map(folder)
        yield probe_cores(folder)
    yield probe_pystack()
    yield probe_ptrace()
    yield probe_kernel_log()
    interpreter = probe_interpreter(python)
    yield from interpreter
    if gl:
        yield probe_gl(python) if all(fact.ok for fact in interpreter) else _no_rendering()


def _no_rendering() -> Fact:
    found = "not tried: the workers' interpreter has no mujoco that works"
    return Fact(name="rendering", ok=False, found=found, remedy="mend that first")


def probe_system() -> Fact:
    """soak's own Python and the operating system."""
    found = f"{platform.system()} {platform.release()}, soak on Python {platform.python_version()}"
    ok = sys.platform == "linux"
    remedy = "" if ok else "soak needs Linux: process file systems, pidfds and subreapers"
    return Fact(name="system", ok=ok, found=found, remedy=remedy, required=True)


def probe_cpus() -> Fact:
    """Processors that this process may use. On one, threads hardly ever meet."""
    count, limit = len(os.sched_getaffinity(0)), cpu_limit()
    words = f"{count} × {cpu_model()}" + (f", limited to {limit:g} cores" if limit is not None else "")
    ok = min(count, count if limit is None else limit) >= 2
    remedy = "" if ok else "races need two cores or more: raise the container's cpu limit or the affinity"
    return Fact(name="processors", ok=ok, found=words, remedy=remedy)


def probe_memory() -> Fact:
    """Memory, and the cgroup's limit on it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = memory_limit()
    usable = min(total, limit or total)
    words = f"{total / 1e9:.1f} GB" + (f", limited to {limit / 1e9:.1f} GB" if limit is not None else "")
    ok = usable >= _ROOM_BYTES
    return Fact(
        name="memory", ok=ok, found=words, remedy="" if ok else "a worker with MuJoCo takes 100 MB to 500 MB"
    )


def nearest_folder(path: Path) -> Path:
    """``path``, or the nearest folder above it that exists."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if _is_folder(folder))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except PermissionError:  # below a folder that this user may not enter
        return False


def probe_disk(folder: Path) -> Fact:
    """Whether ``folder`` can be written, and how much fits."""
    try:
        with tempfile.NamedTemporaryFile(prefix="soak-probe-", dir=folder) as file:
            file.write(bytes(_TRIAL_BYTES))
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        remedy = "choose another folder with --out, or make room"
        found = f"{folder} cannot be written: {error.strerror}"
        return Fact(name="disk", ok=False, found=found, remedy=remedy, required=True)
    ok = free >= _ROOM_BYTES
    remedy = "" if ok else "a long run may fill it: make room, or choose another folder with --out"
    return Fact(name="disk", ok=ok, found=f"{free / 1e9:.1f} GB free in {folder}", remedy=remedy)


def probe_memory_map(folder: Path) -> Fact:
    """Whether a file in ``folder`` can be mapped and shared, as the flight file is."""
    try:
        with tempfile.NamedTemporaryFile(prefix="soak-probe-", dir=folder) as file:
            file.truncate(mmap.PAGESIZE)
            with mmap.mmap(file.fileno(), mmap.PAGESIZE) as mapped:
                mapped[:4] = b"soak"
            with Path(file.name).open("rb") as again:
                shared = again.read(4) == b"soak"
    except (OSError, ValueError) as error:
        return _no_map(f"a file in {folder} cannot be mapped: {error}")
    if not shared:
        return _no_map(f"what is written to a mapped file in {folder} cannot be read back")
    return Fact(name="memory map", ok=True, found=f"files in {folder} can be mapped", required=True)


def _no_map(found: str) -> Fact:
    remedy = "choose a folder on a local disk with --out"
    return Fact(name="memory map", ok=False, found=found, remedy=remedy, required=True)


def probe_kernel_log() -> Fact:
    """Whether a kill for lack of memory could be told from any other SIGKILL."""
    records, kills = len(kernel_log()), oom_kills()
    ways = [f"the kernel log, {records} messages"] if records else []
    ways += [f"the cgroup's oom_kill counter, {kills} so far"] if kills is not None else []
    if ways:
        return Fact(name="kernel log", ok=True, found=" and ".join(ways))
    return Fact(
        name="kernel log",
        ok=False,
        found="neither the kernel log nor a cgroup's oom_kill counter can be read",
        remedy="sysctl kernel.dmesg_restrict=0, or run with CAP_SYSLOG",
    )
