"""The tracer stops one thread in a native library, and nothing else of the process."""

from __future__ import annotations

import hashlib
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from soak import kernel
from soak.schedule import tracer
from soak.schedule.tracer import libraries

traces = pytest.mark.skipif(platform.machine() != "x86_64", reason="threads are stopped on x86-64 only")
#: Seconds in which the tracer has answered; a hang, not a speed.
ANSWERED = 30.0

MAPS = """\
00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/python3.11
7f1000000000-7f1000021000 rw-p 00000000 00:00 0
7f1000100000-7f1000200000 r-xp 00000000 08:02 1 /usr/lib/x86_64-linux-gnu/libc.so.6
7f1000300000-7f1000400000 r--p 00000000 08:02 2 /site-packages/mujoco/libmujoco.so.4.0.0
7f1000400000-7f1000500000 r-xp 00000000 08:02 2 /site-packages/mujoco/libmujoco.so.4.0.0
7f1000600000-7f1000700000 r-xp 00000000 08:02 3 /lib/python3.11/lib-dynload/_ctypes.cpython-311.so
7f1000800000-7f1000900000 r-xp 00000000 08:02 4 /with a space/libpolicy.so (deleted)
7fff00000000-7fff00002000 r-xp 00000000 00:00 0 [vdso]
"""


def test_libraries_are_neither_the_interpreter_nor_the_system() -> None:
    """Code only, whatever the path holds."""
    assert libraries(MAPS) == [(0x7F1000400000, 0x7F1000500000), (0x7F1000800000, 0x7F1000900000)]


class Tracer:
    """The program, watching this process."""

    def __init__(self) -> None:
        kernel.allow_any_tracer()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", tracer.__file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def say(self, words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(words.encode())

    def hear(self, count: int = 1) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read(count).decode()


@pytest.fixture
def traced() -> Iterator[Tracer]:
    """A tracer that has not been told yet whom to watch."""
    one = Tracer()
    with one.process:
        yield one
        one.process.kill()


@traces
def test_a_thread_stands_still_in_its_call_until_it_is_let_go(traced: Tracer) -> None:
    """What it would have done meanwhile it does afterwards; others go on."""
    text = b"x" * 500_000_000  # takes half a second, without the interpreter's lock
    known, go, digests = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        known.set()
        go.wait()
        signal.pthread_kill(threading.get_ident(), tracer.COMES)
        digests.append(hashlib.sha256(text).hexdigest())

    thread = threading.Thread(target=work)
    thread.start()
    assert known.wait(ANSWERED)
    traced.say(f"{thread.native_id} 0\n")
    assert traced.hear() == "s"
    go.set()
    while (answer := traced.hear()).isupper():
        traced.say(answer)
    assert answer == "k"
    state = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rpartition(")")[2].split()[0]
    assert state == "t"
    assert not digests
    traced.say("t")
    thread.join(ANSWERED)
    assert digests == [hashlib.sha256(text).hexdigest()]


@traces
def test_a_thread_that_never_is_in_a_library_is_let_be(traced: Tracer) -> None:
    """It is told when the time is up, and the thread has not been kept."""
    known, go, end = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        known.set()
        go.wait()
        signal.pthread_kill(threading.get_ident(), tracer.COMES)
        end.wait(ANSWERED)

    thread = threading.Thread(target=work)
    thread.start()
    assert known.wait(ANSWERED)
    traced.say(f"{thread.native_id} 0\n")
    assert traced.hear() == "s"
    go.set()
    assert traced.hear() == "d"
    end.set()
    thread.join(ANSWERED)
    assert not thread.is_alive()


@traces
def test_why_a_thread_cannot_be_watched_is_said(traced: Tracer) -> None:
    """There is no such thread."""
    traced.say("999999999 0\n")
    assert traced.hear(100) == "xNo such process"


def test_nobody_is_left_behind(traced: Tracer) -> None:
    """A search that found nothing to confirm ends, and so does its tracer."""
    assert traced.process.stdin is not None
    traced.process.stdin.close()
    assert traced.process.wait(ANSWERED) == 0
