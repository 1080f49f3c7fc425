"""One run at a time in one output folder: an advisory lock that names its holder."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

_POLL_S = 0.2


class LockHeldError(Exception):
    """Another run works in this folder."""


class RunLock:
    """A ``flock`` on ``<out>/lock``. The kernel releases it when the holder ends, however it ends."""

    def __init__(self, out: Path) -> None:
        self._path = out / "lock"
        self._fd = -1

    def acquire(
        self, *, wait: float, waiting: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the lock, waiting for ``wait`` seconds at most; ``waiting`` hears once who holds it.

        Raises:
            LockHeldError: somebody else has it still.
            OSError: the folder cannot be written.
        """
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = clock() + wait
        told = False
        while not self._try():
            if clock() >= deadline:
                holder = self._holder()
                os.close(self._fd)
                raise LockHeldError(holder)
            if not told:
                waiting(self._holder())
                told = True
            time.sleep(_POLL_S)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps({"pid": os.getpid(), "since": time.time()}).encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        try:
            record = json.loads(os.pread(self._fd, 4096, 0))
            since = time.strftime("%H:%M:%S", time.localtime(record["since"]))
            return f"process {record['pid']}, which began at {since}"
        except (ValueError, KeyError, TypeError):
            return "another process"
