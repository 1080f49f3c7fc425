"""What tests of the supervisor's parts share: an entry for a scenario file, a home for its zygote, a loop."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from soak.events import WorkerSpec
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.launcher import Home
from soak.supervisor.loop import Loop
from soak.supervisor.plan import Entry

DEADLINE_S = 60.0

HEAD = "import os, signal, subprocess, sys, threading, time\nimport soak\n"


def story_entry(folder: Path, source: str, **changes: Any) -> Entry:
    """The entry of the scenario ``story`` in a new file that holds ``source``."""
    file = folder / "story.py"
    file.write_text(HEAD + textwrap.dedent(source))
    values: dict[str, Any] = {
        "name": "story",
        "file": file,
        "summary": "",
        "seconds": 1.0,
        "fresh": False,
        "real_exit": False,
        "sometimes": (),
        "target": "",
        "hang_after": None,
    }
    return Entry(**{**values, **changes})


def home_in(folder: Path, **environment: str) -> Home:
    """A home whose zygotes log to ``folder/zygote.log``."""
    return Home(
        interpreter=Interpreter(executable=sys.executable, python_path=()),
        environment={**os.environ, **environment},
        log=folder / "zygote.log",
    )


def spec_in(folder: Path, entry: Entry, number: int = 1, **changes: Any) -> WorkerSpec:
    """What worker ``number`` is told; its folder is not made here."""
    values: dict[str, Any] = {
        "worker": number,
        "scenario_file": str(entry.file),
        "scenario": entry.name,
        "target": "",
        "seed": 1,
        "first_iteration": 0,
        "count": 1,
        "hang_after": 20.0,
        "perturb": "none",
        "guard_malloc": False,
        "cores": False,
        "folder": str(folder / "workers" / str(number)),
    }
    return WorkerSpec(**{**values, **changes})


@contextmanager
def serving_loop() -> Iterator[tuple[Loop, Callable[[Callable[[], Any], str], None]]]:
    """A loop, and a function that serves it until a condition holds, or fails after a generous time."""
    loop = Loop()

    def serve_until(condition: Callable[[], Any], what: str) -> None:
        until = time.monotonic() + DEADLINE_S

        def over() -> bool:
            assert time.monotonic() < until, f"no {what} after {DEADLINE_S:.0f} s"
            return bool(condition())

        loop.run_until(over)

    try:
        yield loop, serve_until
    finally:
        loop.close()
