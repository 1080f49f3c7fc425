"""The event pipe's writing end."""

from __future__ import annotations

import os
import threading

from soak.events import Note, decode
from soak.worker.emitter import HIGH_FD, Emitter, lift_fd


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
