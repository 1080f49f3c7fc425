"""A process that ends while its host has a guest: ``python -m soak.targets.interpreter_exit SITUATION HOST``.

Nobody closed the host: that is its own business at exit. Standard library only.
"""

from __future__ import annotations

import enum
import importlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import soak
from soak.author import Refused

#: Seconds for a process that takes some tenths of one.
PATIENCE = 20.0
_LOOK = 0.2
#: Seconds after which it is gone anyway: who started it may have died, and one that is stuck asks nobody.
_LIFE = 60


class Situation(enum.Enum):
    """What the guest does as the process ends."""

    IDLE = "idle"
    THREADING = "had imported threading"
    RUNNING = "runs, and obeys a cancel"
    INSIDE = "has a thread inside, which ends soon"
    STUCK = "never comes out"


_SCRIPTS = {
    Situation.IDLE: "import json",
    Situation.THREADING: "import threading",
    Situation.RUNNING: "while not cancelled(0.01): pass",
    Situation.INSIDE: "import threading, time\nthreading.Thread(target=time.sleep, args=(0.1,)).start()",
    Situation.STUCK: "import os\nos.read(os.pipe()[0], 1)",
}


def stated_status(situation: Situation) -> int:
    """The exit status of a process with a correct host. Below 3.13, CPython aborts where one still runs."""
    known_limit = situation is Situation.STUCK and sys.version_info < (3, 13)
    return -signal.SIGABRT if known_limit else 0


def exit_with(situation: Situation, host: type) -> int | None:
    """The exit status of such a process; None if it did not end, and was killed."""
    root = str(Path(soak.__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, situation.name, f"{host.__module__}:{host.__qualname__}"],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            return process.wait(_LOOK)
        except subprocess.TimeoutExpired:
            soak.beat()
    process.kill()
    process.wait()
    return None


def main(situation: str, host: str) -> None:
    """Leave a guest behind, and end."""
    signal.alarm(_LIFE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, name = host.partition(":")
    guest = getattr(importlib.import_module(module), name)().spawn()
    if isinstance(guest, Refused):
        raise SystemExit(str(guest))
    arrived, there = os.pipe()
    done = guest.submit(f"import os\nos.write({there}, b'.')\n{_SCRIPTS[Situation[situation]]}")
    os.read(arrived, 1)
    if Situation[situation] in (Situation.IDLE, Situation.THREADING, Situation.INSIDE):
        done.result(PATIENCE)


if __name__ == "__main__":
    main(*sys.argv[1:])
