"""Which frames name a problem, and how they are said."""

from __future__ import annotations

import pytest

from soak.detect.frames import is_own, place, plain_function, short_file, telling, where
from soak.events import Frame
from tests.detect.samples import OURS, POLICY, STEP, STORM, WAIT


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/home/ada/arm/engine.py", True),
        ("/venv/lib/python3.12/site-packages/armkit/engine.py", True),
        ("/usr/lib/python3/dist-packages/armkit/engine.py", True),
        ("/work/soak/targets/mujoco_engine.py", True),
        ("/work/soak/canaries/no_guard.py", True),
        ("/venv/lib/python3.12/site-packages/soak/scenarios/storm.py", True),
        ("<string>", True),
        ("/usr/lib/python3.12/threading.py", False),
        ("/usr/lib/python3.12/concurrent/futures/thread.py", False),
        ("/usr/local/lib/python3.13t/threading.py", False),
        ("<frozen importlib._bootstrap>", False),
        ("/work/soak/worker/crew.py", False),
        ("/venv/lib/python3.12/site-packages/soak/worker/__main__.py", False),
        ("/work/soak/author.py", False),
        ("", False),
    ],
)
def test_own(file: str, own: bool) -> None:
    """Targets, canaries and scenarios are under test; the harness and the standard library are not."""
    assert is_own(Frame(function="f", file=file)) is own


def test_telling() -> None:
    """The target's frames tell; without any, the library's do, but never the harness's."""
    assert telling((WAIT, STEP, POLICY, OURS)) == (STEP, POLICY)
    assert telling((WAIT, OURS)) == (WAIT,)
    assert telling((OURS,)) == ()
    assert where((WAIT, STORM)) == "mutate (scenarios/storm.py)"
    assert where(()) == ""


@pytest.mark.parametrize(
    ("function", "plain"),
    [
        ("mj_step", "mj_step"),
        ("mj_step(mjModel const*, mjData*)", "mj_step"),
        ("std::vector<int, std::allocator<int> >::push_back(int&&)", "std::vector::push_back"),
        ("mj_copyData.part.0", "mj_copyData"),
        ("collide.constprop.3.cold", "collide"),
        ("memcpy@@GLIBC_2.14", "memcpy"),
        ("0x7f001234", "?"),
    ],
)
def test_native_function(function: str, plain: str) -> None:
    """A native function is named without arguments, templates, clones, versions and addresses."""
    assert plain_function(Frame(function=function, file="/x/libmujoco.so", native=True)) == plain


def test_python_function() -> None:
    """Some tools tell the qualified name and some the bare one: the bare one is used."""
    bare = Frame(function="step", file=STEP.file)
    assert place(STEP) == place(bare) == "step (arm/engine.py)"


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("/opt/x/libmujoco.so.3.2.1", "libmujoco.so"),
        ("/v/_core.cpython-312-x86_64-linux-gnu.so", "_core.so"),
        ("C:\\arm\\engine.py", "arm/engine.py"),
        ("engine.py", "engine.py"),
    ],
)
def test_short_file(path: str, short: str) -> None:
    """A file is told without the machine's folders and without versions."""
    assert short_file(path) == short
