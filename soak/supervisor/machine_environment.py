"""What a run ran on, for its first event: versions, kernel, processor, limits and settings."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from pathlib import Path

import soak
from soak.supervisor.machine_interpreter import versions
from soak.supervisor.machine_memory import cpu_limit, memory_limit
from soak.supervisor.stacks_cores import core_pattern

_GIT_SECONDS = 5.0
_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")

#: Settings that change what a race or a leak looks like.
TELLING_VARIABLES = (
    "MALLOC_ARENA_MAX",
    "MALLOC_PERTURB_",
    "MALLOC_CHECK_",
    "GLIBC_TUNABLES",
    "LD_PRELOAD",
    "MUJOCO_GL",
    "PYOPENGL_PLATFORM",
    "OMP_NUM_THREADS",
    "PYTHONMALLOC",
    "PYTHON_GIL",
)


def environment(python: str = "") -> dict[str, str]:
    """What this machine, soak and the worker's interpreter (ours for "") are. Takes about 0.1 s.

    Keys whose value is unknown are left out. mujoco's and numpy's versions are those of their metadata.
    """
    limit, cores = memory_limit(), cpu_limit()
    facts = {
        "soak": soak.__version__,
        **versions(python),
        "libc": " ".join(platform.libc_ver()),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": cpu_model(),
        "cpus": str(len(os.sched_getaffinity(0))),
        "cpu limit": f"{cores:g} cores" if cores is not None else "",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB",
        "memory limit": f"{limit / 1e9:.1f} GB" if limit is not None else "",
        "core_pattern": core_pattern(),
        "ptrace_scope": ptrace_scope(),
        "git": git_commit(Path.cwd()),
        **{name: os.environ.get(name, "") for name in TELLING_VARIABLES},
    }
    return {name: value for name, value in facts.items() if value.strip()}


def cpu_model() -> str:
    """The processor's name, or its architecture."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith(("model name", "Model", "Hardware")):
                return line.partition(":")[2].strip()
    return platform.machine()


def ptrace_scope() -> str:
    """Yama's setting, or "" where the kernel has no Yama."""
    try:
        return _YAMA.read_text().strip()
    except OSError:
        return ""


def git_commit(folder: Path) -> str:
    """The commit checked out in ``folder``, "(changed)" where files differ from it; "" outside of git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} (changed)" if changed else commit


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
