"""What a run is told: its scenarios, its budget and the settings of its workers."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soak.events import Before, Isolation, from_plain, to_plain
from soak.files import write_whole

_FILE = "plan.json"

#: A scenario has at least this many turns in a long run, so that scenarios are interleaved, each of them at
#: least so long: a slow leak shows only in a worker that lives.
TURNS, SHORTEST_TURN_S, LONGEST_TURN_S = 3, 60.0, 600.0

#: Where Python's own exit is under test, a worker has this many iterations, so that it comes often.
ITERATIONS_PER_EXIT = 3

#: Seconds without progress that count as a hang, where neither the user nor the scenario says.
HANG_AFTER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One scenario of the run, as its own process described it for the target at hand.

    ``sometimes`` are all that it declares, in order; ``waived`` those that this target cannot bring about.
    """

    name: str
    file: Path
    summary: str
    seconds: float
    fresh: bool
    real_exit: bool
    sometimes: tuple[str, ...]
    target: str
    hang_after: float | None
    env: dict[str, str] = field(default_factory=dict)
    waived: tuple[str, ...] = ()

    @property
    def expected(self) -> tuple[str, ...]:
        """The `sometimes` that a run must see."""
        return tuple(text for text in self.sometimes if text not in self.waived)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides a run. ``minutes`` or ``count`` (iterations per scenario) or both bound it.

    With ``span``, the run repeats: every worker is fresh and runs the same ``span`` iterations from
    ``first_iteration`` on, and ``count`` counts workers. With a ``pool`` of (seed, first iteration) besides,
    each worker takes the next of these, round and round. What is ``before`` is run before, in each worker.
    """

    entries: tuple[Entry, ...]
    seed: int
    jobs: int
    out: Path
    minutes: float | None = None
    count: int | None = None
    until_fail: bool = False
    target: str = ""
    python: str = ""
    hang_after: float = HANG_AFTER_S
    hang_after_given: bool = False
    perturb: str = "light"
    guard_malloc: bool = False
    cores: bool = True
    first_iteration: int = 0
    span: int = 0
    isolation: Isolation = Isolation.RUN
    pool: tuple[tuple[int, int], ...] = ()
    before: tuple[Before, ...] = ()

    def start_of(self, worker: int) -> tuple[int, int] | None:
        """Seed and first iteration of the run's ``worker``-th worker, from 1, where a pool decides them."""
        return self.pool[(worker - 1) % len(self.pool)] if self.pool else None

    def save(self, folder: Path) -> None:
        """Write the plan into a run's folder, for whoever completes or resumes the run.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        write_whole(folder / _FILE, json.dumps(to_plain(self), indent=1) + "\n")

    @classmethod
    def of(cls, folder: Path) -> Plan | None:
        """The plan of the run in ``folder``; None where there is none, or none that this version knows."""
        try:
            record = json.loads((folder / _FILE).read_bytes())
            return from_plain(cls, record)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def hang_limit(self, entry: Entry) -> float:
        """Seconds without progress that count as a hang: the command line's word, the scenario's, ours."""
        if self.hang_after_given or entry.hang_after is None:
            return self.hang_after
        return entry.hang_after

    def turn_seconds(self) -> float:
        """How long a scenario keeps a job slot before the next one has it, if one waits."""
        if self.minutes is None:
            return SHORTEST_TURN_S
        share = self.minutes * 60.0 * self.jobs / len(self.entries)
        return min(share, LONGEST_TURN_S, max(SHORTEST_TURN_S, share / TURNS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a run had come that is resumed: seconds spent, numbers given out, tries of each scenario."""

    seconds: float = 0.0
    workers: int = 0
    sightings: int = 0
    tries: dict[str, int] = field(default_factory=dict)


def base_environment(python_path: Sequence[str]) -> dict[str, str]:
    """The environment of every process that imports scenarios: the user's, plus what soak needs.

    One BLAS thread keeps the zygote single-threaded, so that it may fork; MuJoCo opens no GL context unless
    the scenario needs one (a policy then starts in 12 ms instead of 0.7 s).
    """
    environment = dict(os.environ)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, "1")
    environment.setdefault("MUJOCO_GL", "disable")
    inherited = environment.get("PYTHONPATH", "")
    if python_path or inherited:
        environment["PYTHONPATH"] = os.pathsep.join([*python_path, *([inherited] if inherited else [])])
    return environment


def worker_environment(entry: Entry, python_path: Sequence[str]) -> dict[str, str]:
    """The environment of one scenario's zygote and workers: the base, and what its needs ask for."""
    return base_environment(python_path) | entry.env
