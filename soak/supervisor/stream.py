"""``events.jsonl``: whole lines only, even on a disk that fills."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from soak.events import Event, RunEnded, decode, encode

#: A run's last line holds a verdict and a reason.
_LAST_LINE = 16384


class StreamError(Exception):
    """The stream cannot be written any more. What was written before is whole and readable."""


class Stream:
    """Appends events to a file, unbuffered: what was emitted survives a SIGKILL of the supervisor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._size = os.fstat(self._fd).st_size
        if self._size and _last_bytes(path, 1) != b"\n":
            # A killed writer's last line stays a line of its own.
            self._size += os.write(self._fd, b"\n")

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


def is_whole(path: Path) -> bool:
    """Whether the stream ends as a run ends it; one whose supervisor was killed does not.

    Raises:
        OSError: it cannot be read.
    """
    tail = _last_bytes(path, _LAST_LINE)
    if not tail.endswith(b"\n"):
        return False
    try:
        return isinstance(decode(tail[:-1].rpartition(b"\n")[2]), RunEnded)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _last_bytes(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - count))
        return file.read()


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
