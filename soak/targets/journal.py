"""A journal that many processes write and one reads: whole records, in one order, whatever kills a writer.

It is a pipe: the kernel takes a short record at once or not at all, and no limit on file sizes touches it.
Standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import threading
from collections.abc import Iterator

_ROOM = 1 << 20  # bytes, what Linux lets anybody ask for: some ten thousand records between two reads
_READ_SIZE = 1 << 16


class Journal:
    """Make it before the fork; `tell` in any process and thread, `read` in the one that made it."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        with contextlib.suppress(
            OSError
        ):  # the user's quota of pipe pages is used up: less room does as well
            fcntl.fcntl(self._write_end, fcntl.F_SETPIPE_SZ, _ROOM)
        self._lock = threading.Lock()
        self._rest = b""
        self._records: list[tuple[object, ...]] = []

    def close(self) -> None:
        os.close(self._read_end)
        os.close(self._write_end)

    def tell(self, *words: object) -> None:
        """Add a record of texts and numbers; it has happened before anything that is told after it.

        Raises:
            ValueError: the record is too long to be written at once.
        """
        line = json.dumps(words).encode() + b"\n"
        if len(line) > select.PIPE_BUF:
            raise ValueError(f"expected a record of at most {select.PIPE_BUF} bytes, got {len(line)}")
        os.write(self._write_end, line)

    def read(self) -> list[tuple[object, ...]]:
        """All records from the beginning, in the order of their telling; makes room in the pipe."""
        with self._lock:
            for line in self._lines():
                self._records.append(tuple(json.loads(line)))
            return list(self._records)

    def _lines(self) -> Iterator[bytes]:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._read_end, _READ_SIZE):
                *lines, self._rest = (self._rest + data).split(b"\n")
                yield from lines
