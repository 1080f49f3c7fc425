"""From the last progress to the finding on disk, with Python and native stacks, for three kinds of hang.

The canaries are the subjects. An operation that hangs does so at once, so the clock starts with its worker;
for the hang at exit, with the worker's last words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.filed import filed_at, only_finding, text_of
from benchmarks.row import Bench, Row, at_worst
from benchmarks.soaking import HOSTILE, soak_run
from soak.events import Event, LastWords, WorkerStarted

RUNS = 5
#: Seconds that the issue grants beyond the limit.
GRANTED_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """A canary, the seconds without progress that it declares a hang, and the event its hang begins with.

    ``python`` and ``native`` are frames that its stacks must show.
    """

    name: str
    about: str
    limit: float
    begins_with: type[Event]
    python: str
    native: str


HANGS = (
    Hang(
        name="python_deadlock",
        about="Python deadlock",
        limit=1.0,
        begins_with=WorkerStarted,
        python="left_then_right",
        native="lock",
    ),
    Hang(
        name="gil_deadlock",
        about="native deadlock with the GIL held",
        limit=1.0,
        begins_with=WorkerStarted,
        python="lock_twice",
        native="pthread_mutex_lock",
    ),
    Hang(
        name="lingering_thread",
        about="exit that does not finish",
        limit=1.5,
        begins_with=LastWords,
        python="_shutdown",
        native="Py_FinalizeEx",
    ),
)


def measure(bench: Bench) -> list[Row]:
    """Five runs of each, in turns."""
    late: dict[str, list[float]] = {hang.name: [] for hang in HANGS}
    for number in range(RUNS):
        for hang in HANGS:
            late[hang.name].append(_hang(hang, bench.folder / f"{hang.name}-{number}") - hang.limit)
    return [
        at_worst(
            f"{hang.about} to finding with both stacks: beyond the limit",
            late[hang.name],
            GRANTED_S,
            "s",
            note=f"the limit is {hang.limit:g} s",
        )
        for hang in HANGS
    ]


def _hang(hang: Hang, folder: Path) -> float:
    """Seconds from its beginning until the finding was on disk."""
    soaked = soak_run(folder, [str(HOSTILE / f"{hang.name}.py"), "--count", "1", "--jobs", "1"])
    began = soaked.of(hang.begins_with)[0].t
    finding = only_finding(soaked)
    for name, frame in (("fault.txt", hang.python), ("native.txt", hang.native)):
        if frame not in text_of(finding / "1" / name):
            raise RuntimeError(f"{finding / '1' / name}: expected {frame} in it; missing")
    return filed_at(finding / "finding.json") - began
