"""``events.jsonl``: whole lines only, even on a disk that fills."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from soak.events import Event, decode, encode


class StreamError(Exception):
    """The stream cannot be written any more. What was written before is whole and readable."""


class Stream:
    """Appends events to a file, unbuffered: what was emitted survives a SIGKILL of the supervisor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._size = os.fstat(self._fd).st_size

    def write(self, event: Event) -> None:
        """Append one line.

        Raises:
            StreamError: the disk is full or failed; the line is not there, not even in part.
        """
        line = encode(event)
        try:
            written = os.write(self._fd, line)
            if written != len(line):
                os.write(self._fd, line[written:])
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            raise StreamError(f"{self.path}: {error.strerror}") from error
        self._size += len(line)

    def close(self) -> None:
        """Close the file, its contents on disk."""
        try:
            os.fsync(self._fd)
        finally:
            os.close(self._fd)


def read_events(path: Path) -> Iterator[Event | None]:
    """The events of a stream; None for a line that is none, such as the last one of a run that was killed.

    Raises:
        OSError: the stream cannot be read.
    """
    with path.open("rb") as file:
        for line in file:
            try:
                yield decode(line)
            except (ValueError, KeyError, TypeError, AttributeError):
                yield None
