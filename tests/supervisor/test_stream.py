"""events.jsonl holds whole lines, whatever the disk does."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from soak.events import Note, decode
from soak.supervisor.stream import Stream, StreamError


def note(text: str) -> Note:
    return Note(t=1.0, text=text)


def test_what_is_written_is_there_before_close(tmp_path: Path) -> None:
    """Nothing sits in a buffer that a SIGKILL would take along."""
    stream = Stream(tmp_path / "events.jsonl")
    stream.write(note("one"))
    assert decode((tmp_path / "events.jsonl").read_bytes()) == note("one")
    stream.close()


def test_a_reopened_stream_goes_on(tmp_path: Path) -> None:
    """A second writer appends."""
    for text in ("one", "two"):
        stream = Stream(tmp_path / "events.jsonl")
        stream.write(note(text))
        stream.close()
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert [decode(line) for line in lines] == [note("one"), note("two")]


def test_a_line_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the write is cut in the middle, the stream is not."""
    stream = Stream(tmp_path / "events.jsonl")
    stream.write(note("fits"))
    before = (tmp_path / "events.jsonl").read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, old[1]))
        with pytest.raises(StreamError, match="too large"):
            stream.write(note("does not fit at all"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / "events.jsonl").read_bytes() == before
    stream.write(note("space again"))
    stream.close()
    assert decode((tmp_path / "events.jsonl").read_bytes().splitlines()[-1]) == note("space again")
