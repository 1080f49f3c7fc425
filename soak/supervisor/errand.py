"""A short-lived helper process (pystack, say) whose end calls back, bounded in time."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from soak import kernel
from soak.supervisor.loop import Loop


class Errand:
    """Runs ``argv``, its output in ``output``; ``done(returncode)`` is called once, None for a time-out."""

    def __init__(
        self,
        loop: Loop,
        argv: Sequence[str],
        output: Path,
        *,
        limit: float,
        done: Callable[[int | None], None],
    ) -> None:
        self._loop = loop
        self._done = done
        self._late = False
        with output.open("wb") as sink:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_the_supervisor,
            )
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.on_readable(self._pidfd, self._ended)
        self._timer = loop.later(limit, self._give_up)

    def _give_up(self) -> None:
        self._late = True
        self._process.kill()

    def _ended(self) -> None:
        self._loop.forget(self._pidfd)
        os.close(self._pidfd)
        self._timer.cancel()
        code = self._process.wait()
        self._done(None if self._late else code)


def _die_with_the_supervisor() -> None:
    """In the child: a `kill -9` of the supervisor leaves no helper behind."""
    kernel.set_parent_death_signal(signal.SIGKILL)
