"""The worker's end of the event pipe: whole lines, from any thread.

Standard library only.
"""

from __future__ import annotations

import fcntl
import os
import threading

from soak.events import Event, encode

#: The worker's own descriptors live up here, where a target that closes one number twice does not hit them.
HIGH_FD = 200


def lift_fd(fd: int) -> int:
    """Move ``fd`` out of the range where targets open and close; returns the new number, not inheritable."""
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
    except OSError:  # a low RLIMIT_NOFILE: stay where we are
        os.set_inheritable(fd, False)
        return fd
    os.close(fd)
    return high


class Emitter:
    """Writes events to a pipe. Ends the process once nobody reads: a worker without a supervisor is lost."""

    def __init__(self, fd: int) -> None:
        """Take over ``fd``, which is moved to a high number."""
        self._fd = lift_fd(fd)
        os.set_blocking(self._fd, True)
        # Re-entrant, since a Python signal handler may state a promise while its thread is writing.
        self._lock = threading.RLock()
        os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()

    def emit(self, event: Event) -> None:
        """Write one event as one line."""
        line = memoryview(encode(event))
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:  # EPIPE: the supervisor is gone; EBADF: the target closed our pipe
                os._exit(70)
