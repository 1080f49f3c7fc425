"""The hooks into MuJoCo's C library do what they are for, in child processes that die of it."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from soak.targets.mujoco_native import GuardPages

#: A larger model is stepped on smaller data.
OVERFLOW = """
import faulthandler
import mujoco
from soak.targets import mujoco_native
faulthandler.enable()
mujoco_native.guard_memory()
mujoco_native.guard_memory()
def overflow():
    mujoco.mj_step(large, data)
body = "<body><freejoint/><geom size='.1'/></body>"
small = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{body}</worldbody></mujoco>")
large = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{body * 11}</worldbody></mujoco>")
data = mujoco.MjData(small)
mujoco.mj_step(small, data)
overflow()
"""

#: One byte behind a block, or in one that was given back.
TRESPASS = """
import ctypes, faulthandler, sys
from soak.targets.mujoco_native import GuardPages
faulthandler.enable()
pages = GuardPages()
block = pages.allocate(128)
def trespass():
    ctypes.memset(block + (128 if sys.argv[1] == "behind" else 0), 0, 1)
if sys.argv[1] == "late":
    trespass()
    pages.release(block)
trespass()
"""

#: MuJoCo's own error handling, met where the bindings do not turn it into an exception.
FATAL = """
import faulthandler, sys
import mujoco
from soak.targets import mujoco_native
faulthandler.enable()
if sys.argv[1] == "hooked":
    mujoco_native.abort_on_error()
def doomed():
    spec = mujoco.MjSpec.from_string(
        '<mujoco><worldbody><geom type="plane" size="1 1 1"/>'
        '<body pos="0 0 .05"><freejoint/><geom size=".1"/></body></worldbody></mujoco>'
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    def fail(*_):
        raise ValueError("deep inside")
    mujoco.set_mjcb_contactfilter(fail)
    try:
        mujoco.mj_step(model, data)
    except ValueError:
        pass
    spec.recompile(model, data)
doomed()
"""


def child(script: str, argument: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, argument],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "MUJOCO_GL": "disable"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_overflow_faults_at_the_guard_page(tmp_path: Path) -> None:
    """With guard pages a model that is too large for its data is a SIGSEGV in the very call."""
    done = child(OVERFLOW, "", tmp_path)
    assert done.returncode == -signal.SIGSEGV, done.stderr
    assert "in overflow" in done.stderr


@pytest.mark.parametrize("where", ["behind", "late"])
def test_one_byte_too_far_faults(where: str, tmp_path: Path) -> None:
    """The byte behind a block's rounded end, and every byte of a block that was given back, are forbidden."""
    done = child(TRESPASS, where, tmp_path)
    assert done.returncode == -signal.SIGSEGV, done.stderr
    assert "in trespass" in done.stderr


def test_an_error_of_mujocos_aborts_with_a_stack(tmp_path: Path) -> None:
    """With the hook, MuJoCo's exit(1) is a SIGABRT with its message and the Python stack in stderr."""
    done = child(FATAL, "hooked", tmp_path)
    assert done.returncode == -signal.SIGABRT, done.stderr
    assert "stack is in use" in done.stderr
    assert "in doomed" in done.stderr


def test_an_error_of_mujocos_exits_without_the_hook(tmp_path: Path) -> None:
    """Without the hook the same error leaves no signal and no Python stack: what the hook is for."""
    done = child(FATAL, "plain", tmp_path)
    assert done.returncode == 1
    assert "in doomed" not in done.stderr


@pytest.mark.parametrize("size", [0, 1, 63, 64, 4096, 100_000])
def test_a_guarded_block_is_whole_and_aligned(size: int) -> None:
    """A block is writable over its whole length, begins at a multiple of 64, and can be given back."""
    pages = GuardPages()
    address = pages.allocate(size)
    assert address is not None
    assert address % 64 == 0
    ctypes.memset(address, 0xFF, size)
    pages.release(address)
    assert pages._blocks == {}


def test_what_no_guard_allocated_is_left_alone() -> None:
    """Null and strangers' addresses are not unmapped."""
    pages = GuardPages()
    pages.release(None)
    pages.release(4096)
    assert pages._blocks == {}
