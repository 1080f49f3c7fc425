"""Make the fresh process a worker: its own session, folder, descriptors, signals and limits.

Standard library only.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from soak import kernel
from soak.events import Phase, WorkerSpec
from soak.flight import Flight, create
from soak.worker.emitter import lift_fd

#: Private and shared anonymous memory, ELF headers, huge pages: enough for pystack and gdb.
_COREDUMP_FILTER = "0x33"
_ANSWER_TO_SIGUSR1 = signal.SIGUSR1

#: faulthandler keeps only the number: an object that is collected sends the dump into another file.
_kept_open: list[Any] = []


def settle_in(spec: WorkerSpec, *, parent: int | None = None) -> None:
    """Turn the calling process, freshly forked or spawned, into the worker of ``spec``.

    Args:
        spec: what the worker is told; ``spec.folder`` exists.
        parent: the zygote's process id: where it is gone already, this process ends at once.
    """
    die_with_parent(parent)
    kernel.allow_any_tracer()
    with contextlib.suppress(PermissionError):  # spawned as the leader of a session already
        os.setsid()
    folder = Path(spec.folder)
    os.environ.update(spec.env)
    _move_into(folder)
    _limit_cores(spec.cores)
    _reset_signals()
    _redirect(folder)
    arm_faulthandler(folder / "fault.txt")
    if not (folder / "flight").exists():
        create(folder / "flight")
    Flight(folder / "flight").enter_phase(Phase.BOOT, spec.hang_after)


def die_with_parent(parent: int | None) -> None:
    """Ask the kernel to kill this process when the thread that made it ends; end if that came before."""
    with contextlib.suppress(AttributeError, OSError):  # not Linux: the zygote still watches
        kernel.set_parent_death_signal(signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(70)


def _move_into(folder: Path) -> None:
    for name in ("cwd", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    os.chdir(folder / "cwd")
    os.environ["TMPDIR"] = str(folder / "tmp")
    tempfile.tempdir = None


def _limit_cores(wanted: bool) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard if wanted else 0, hard))
    if wanted:
        with contextlib.suppress(OSError):
            Path("/proc/self/coredump_filter").write_text(_COREDUMP_FILTER)


def _reset_signals() -> None:
    """What a plain Python process has, so that targets and their children meet nothing of the zygote's."""
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _redirect(folder: Path) -> None:
    """Descriptors 1 and 2 become files, opened for appending so that the supervisor can cut them."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # whatever was there before is not ours to judge
            stream.flush()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, number)
        os.close(file)
    # Whatever the zygote's streams were, these write to the files, line by line, and never fail on a text.
    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = io.FileIO(number, "w", closefd=False)
        text = io.TextIOWrapper(
            io.BufferedWriter(raw), "utf-8", errors="backslashreplace", line_buffering=True
        )
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)


def arm_faulthandler(path: Path) -> None:
    """Dump all threads to ``path`` on a fatal signal and on SIGUSR1."""
    fd = lift_fd(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))
    file = os.fdopen(fd, "w")
    _kept_open.append(file)
    faulthandler.enable(file, all_threads=True)
    faulthandler.register(_ANSWER_TO_SIGUSR1, file, all_threads=True, chain=False)


def dump_later(seconds: float) -> None:
    """The backstop that works without a supervisor: dump all threads unless re-armed or cancelled in time."""
    if _kept_open:
        faulthandler.dump_traceback_later(seconds, file=_kept_open[-1])
