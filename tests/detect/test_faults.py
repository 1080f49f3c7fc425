"""Golden texts that faulthandler wrote in crashing children. SOAK_GOLDEN=update rewrites their headers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soak.detect import faults
from tests.detect.samples import FAULTS, fault

GOLDEN = sorted(path.stem for path in FAULTS.glob("*.txt"))


def _header(text: str) -> str:
    parsed = faults.parse(text)
    crashed = parsed.crashed
    frames = (
        [f"{Path(frame.file).name}:{frame.line} {frame.function}" for frame in crashed.frames]
        if crashed
        else []
    )
    lines = [
        f"error: {parsed.error or 'none'}",
        f"threads: {len(parsed.threads)}",
        f"crashed: {' < '.join(frames) if frames else ('no frames' if crashed else 'none')}",
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", GOLDEN)
def test_real_text(name: str) -> None:
    """Every text that a real crash left reads as its header says."""
    path = FAULTS / f"{name}.txt"
    head, mark, text = path.read_text().rpartition("---\n")
    if os.environ.get("SOAK_GOLDEN") == "update":
        path.write_text(f"{_header(text)}---\n{text}")
        return
    assert mark
    assert _header(text) == head


@pytest.mark.parametrize("name", GOLDEN)
def test_cut_anywhere(name: str) -> None:
    """A dump that is cut at any character is read without an error, and invents no frame."""
    text = fault(name)
    known = {frame for thread in faults.parse(text).threads for frame in thread.frames}
    for end in range(0, min(len(text), 3000), 7):
        cut = faults.parse(text[:end])
        assert {frame for thread in cut.threads for frame in thread.frames} <= known


def test_name_of_thread() -> None:
    """Names in brackets behind the thread's number, as later Pythons print them, are read."""
    text = (
        "Fatal Python error: Segmentation fault\n\n"
        "Thread 0x00007f0000000001 [policy-0] (most recent call first):\n"
        '  File "/a/engine.py", line 3 in step\n\n'
        "Current thread 0x00007f0000000002 [python] (most recent call first):\n"
        '  File "/a/engine.py", line 9 in add\n\n'
        "Current thread's C stack trace (most recent call first):\n"
        '  Binary file "/lib/libc.so.6", at +0x1 [0x2]\n'
    )
    parsed = faults.parse(text)
    assert [(thread.name, thread.current) for thread in parsed.threads] == [
        ("policy-0", False),
        ("python", True),
    ]
    assert parsed.crashed is not None
    assert [frame.function for frame in parsed.crashed.frames] == ["add"]


def test_no_python_frame() -> None:
    """A crashed thread without a Python frame has a stack of none."""
    text = (
        "Fatal Python error: Aborted\n\n"
        "Current thread 0x0001 (most recent call first):\n"
        "  <no Python frame>\n"
    )
    parsed = faults.parse(text)
    assert parsed.error == "Aborted"
    assert parsed.crashed is not None
    assert parsed.crashed.frames == ()


@pytest.mark.parametrize("text", ["", "\n", "Fatal Python error: ", "\0\xff garbage", "Timeout (0:00:01)!\n"])
def test_nothing_to_read(text: str) -> None:
    """A text without a dump gives an empty one, never an error."""
    assert faults.parse(text).threads == ()
