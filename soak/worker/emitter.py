"""The worker's end of the event pipe: whole lines, from any thread and process.

Standard library only.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import select
import threading

from soak.events import Event, PromiseBroken, Raised, encode

#: The worker's own descriptors live up here, where a target that closes one number twice does not hit them.
HIGH_FD = 200
#: The kernel writes so many bytes at once or not at all, whoever else writes and whatever kills the writer.
WHOLE = select.PIPE_BUF
#: What is left of an event that must be whole: frames, characters of texts, characters of a detail.
_CUTS = ((20, 1_000, 200), (8, 500, 60), (3, 200, 20), (0, 0, 0))


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
        #: Whether a line must not exceed :data:`WHOLE`, because other processes write into the pipe as well.
        self.whole_lines = False
        # Re-entrant, since a Python signal handler may state a promise while its thread is writing.
        self._lock = threading.RLock()
        os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()

    def emit(self, event: Event) -> None:
        """Write one event as one line."""
        line = memoryview(encode_whole(event) if self.whole_lines else encode(event))
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:  # EPIPE: the supervisor is gone; EBADF: the target closed our pipe
                os._exit(70)


def encode_whole(event: Event) -> bytes:
    """The event's line, with a finding's frames, texts and details cut until :data:`WHOLE` bytes hold it."""
    line = encode(event)
    for frames, characters, detail in _CUTS:
        if len(line) <= WHOLE:
            break
        match event:
            case Raised():
                event = dataclasses.replace(
                    event,
                    frames=event.frames[:frames],
                    message=event.message[:characters],
                    traceback=event.traceback[-characters:] if characters else "",
                )
            case PromiseBroken():
                details = {name: value[:detail] for name, value in event.details.items()} if detail else {}
                event = dataclasses.replace(event, frames=event.frames[:frames], details=details)
        line = encode(event)
    return line
