"""The event pipe's writing end."""

from __future__ import annotations

import dataclasses
import os
import threading

from soak.events import Frame, Note, Phase, PromiseBroken, Raised, decode
from soak.worker.emitter import HIGH_FD, WHOLE, Emitter, encode_whole, lift_fd


def test_lines_of_many_threads_stay_whole() -> None:
    """Long lines from several threads, far more than a pipe holds, come out one by one."""
    read, write = os.pipe()
    emitter = Emitter(write)

    def speak(number: int) -> None:
        for _ in range(20):
            emitter.emit(Note(t=number, text=str(number) * 30_000))

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    with os.fdopen(read) as lines:
        heard = [decode(lines.readline()) for _ in range(80)]
    for thread in threads:
        thread.join()
    assert all(isinstance(note, Note) and note.text == str(int(note.t)) * 30_000 for note in heard)


def test_its_descriptor_is_out_of_the_targets_way() -> None:
    """A lifted descriptor has a high number, is not inherited, and the old number is free."""
    read, write = os.pipe()
    high = lift_fd(write)
    try:
        assert high >= HIGH_FD
        assert not os.get_inheritable(high)
        os.write(high, b"x")
        assert os.read(read, 1) == b"x"
        other = os.dup(read)
        assert other == write
        os.close(other)
    finally:
        os.close(high)
        os.close(read)


def test_an_event_is_cut_until_the_pipe_takes_it_whole() -> None:
    """What names a finding stays: error or promise, and the innermost frames; a short event is kept whole."""
    frames = tuple(Frame(function=f"function_{n}", file="/a/long/path/to/a/module.py") for n in range(40))
    raised = Raised(
        t=1.0,
        worker=1,
        iteration=2,
        thread="work-p0",
        doing="work",
        phase=Phase.OPERATIONS,
        error="ValueError",
        message="é" * 2_000,
        traceback="line\n" * 4_000,
        frames=frames,
        ring="ring-1.flight",
    )
    broken = PromiseBroken(
        t=1.0,
        worker=1,
        iteration=2,
        thread="work-p0",
        doing="work",
        phase=Phase.OPERATIONS,
        promise="all is well",
        details={f"detail {n}": "x" * 200 for n in range(30)},
        frames=frames,
        ring="ring-1.flight",
    )
    for event in (raised, broken):
        line = encode_whole(event)
        assert len(line) <= WHOLE
        heard = decode(line)
        assert isinstance(heard, Raised | PromiseBroken)
        assert heard.frames == frames[: len(heard.frames)] != ()
        assert (heard.thread, heard.ring) == ("work-p0", "ring-1.flight")
    short = dataclasses.replace(raised, message="", traceback="", frames=frames[:2])
    assert decode(encode_whole(short)) == short
