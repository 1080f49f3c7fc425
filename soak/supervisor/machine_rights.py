"""Whether this machine lets soak look into a process and into a dead one's core: tried, not guessed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from soak.supervisor import native
from soak.supervisor.machine_children import ask
from soak.supervisor.machine_environment import ptrace_scope
from soak.supervisor.machine_facts import Fact

_CAP_SYS_PTRACE = 19
_START_SECONDS = 20.0

# As a worker does: where Yama restricts ptrace to descendants, a process may name who else may look at it.
_SUBJECT = """
import ctypes, sys
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)
print("ready", flush=True)
sys.stdin.read()
"""
_ABORT = """
import os, resource
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
os.abort()
"""


def probe_pystack() -> Fact:
    """Whether pystack, which reads mixed stacks, is there."""
    try:
        return Fact(name="pystack", ok=True, found=importlib.metadata.version("pystack"))
    except importlib.metadata.PackageNotFoundError:
        remedy = f"{sys.executable} -m pip install pystack"
        return Fact(name="pystack", ok=False, found=f"not installed for {sys.executable}", remedy=remedy)


def probe_ptrace() -> Fact:
    """Whether the stacks of a child can be read from outside, as those of a worker that hangs."""
    try:
        text, took = _stacks_of_a_child()
    except OSError as error:
        return Fact(name="ptrace", ok=False, found=f"could not be tried: {error.strerror}: {sys.executable}")
    if native.parse(text):
        return Fact(name="ptrace", ok=True, found=f"a child's stacks were read in {took:.1f} s; {rights()}")
    found = f"{native.explain(text)} ({rights()})"
    remedy = ptrace_remedy(ptrace_scope()) if "ptrace is not" in found else ""
    return Fact(name="ptrace", ok=False, found=found, remedy=remedy)


def _stacks_of_a_child() -> tuple[str, float]:
    """What the stack command prints of a child of ours, or why it printed nothing; and its seconds."""
    with subprocess.Popen(
        [sys.executable, "-c", _SUBJECT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout is not None
            if not select.select([child.stdout], [], [], _START_SECONDS)[0]:
                return f"a child did not start within {_START_SECONDS:g} s", 0.0
            child.stdout.readline()
            began = time.monotonic()
            answer = ask(native.remote_command(child.pid), seconds=native.REMOTE_SECONDS)
            return answer.stdout + answer.stderr + answer.problem, time.monotonic() - began
        finally:
            child.kill()


def ptrace_remedy(scope: str) -> str:
    """What allows ptrace, given Yama's ``scope`` ("" without Yama)."""
    if scope in ("2", "3"):
        return "sysctl kernel.yama.ptrace_scope=1 (from 3 only a reboot leads back), or run as root"
    return "in a container: --cap-add=SYS_PTRACE; else sysctl kernel.yama.ptrace_scope=0"


def rights() -> str:
    """What decides about ptrace here, in words."""
    scope = ptrace_scope()
    yama = f"Yama's ptrace_scope is {scope}" if scope else "no Yama"
    return f"{yama}, {'with' if _has_capability(_CAP_SYS_PTRACE) else 'without'} CAP_SYS_PTRACE"


def _has_capability(number: int) -> bool:
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> number & 1)
    return False


def probe_cores(folder: Path) -> Fact:
    """Whether a process that dies in ``folder``, which exists, leaves a core file there."""
    pattern = native.core_pattern()
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if hard == 0 or not pattern or pattern.startswith("|"):
        # No trial: the host's crash reporter would get our abort as a report.
        return _no_core(native.why_no_core(folder, os.getpid()), pattern)
    try:
        with tempfile.TemporaryDirectory(prefix="soak-core-", dir=folder) as place:
            size = _core_size(Path(place))
    except OSError as error:
        return _no_core(f"could not be tried: {error.strerror}: {error.filename}", pattern)
    if size is None:
        return _no_core(native.why_no_core(folder, os.getpid()), pattern)
    return Fact(name="core files", ok=True, found=f"core_pattern {pattern!r}, {size / 1e6:.0f} MB for Python")


def _core_size(place: Path) -> int | None:
    """Bytes on disk of the core of a child that aborts in ``place``, or None where it leaves none."""
    began = time.time()
    with subprocess.Popen(
        [sys.executable, "-c", _ABORT], cwd=place, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        try:
            child.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
    core = native.find_core(place, child.pid, since=began - 1)
    if core is None:
        return None
    size = core.stat().st_blocks * 512
    core.unlink()  # an absolute core_pattern puts it elsewhere
    return size


def _no_core(why: str, pattern: str) -> Fact:
    found = f"{why} (core_pattern {pattern!r})"
    remedy = "native stacks of crashes need them: ulimit -c unlimited, sysctl kernel.core_pattern=core"
    return Fact(name="core files", ok=False, found=found, remedy=remedy)
