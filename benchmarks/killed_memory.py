"""What the memory has lost of runs whose supervisor got ``kill -9`` at any moment, after the next command.

Every second run resumes the one that was killed before it, and all share one folder, so that each meets what
the others left. What a run had written is read from its stream and its workers' flight files before the next
command; what that command knows of it is compared with that.
"""

from __future__ import annotations

import random
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.row import Bench, Row, at_worst, row
from benchmarks.soaking import SCENARIOS, command, environment
from soak.cli.recall import recalled
from soak.findings.counts import Counts
from tests.cli.wreck import Wreck

KILLS, SEED = 50, 1
#: A run is killed once its stream has grown by so many bytes, at most: about the first hundred iterations.
MOST_BYTES = 60_000
_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One kill: how many sightings there were, how many are lost, counters that differ, and how it took."""

    sighted: int
    lost: int
    different: int
    damaged: int
    seconds: float


def measure(bench: Bench) -> list[Row]:
    """Fifty kills at moments that a seed decides."""
    rng = random.Random(SEED)
    losses = [_kill_one(bench.folder, rng, resumed=number % 2 == 1) for number in range(KILLS)]
    what = "kill -9 of the supervisor, then the next command"
    return [
        at_worst(f"{what}: sightings lost", [loss.lost for loss in losses], 0, ""),
        at_worst(f"{what}: scenarios with other counters", [loss.different for loss in losses], 0, ""),
        at_worst(f"{what}: databases not whole", [loss.damaged for loss in losses], 0, ""),
        row("sightings of the killed run", [loss.sighted for loss in losses], ""),
        row("the next command took", [loss.seconds for loss in losses], "s", note="completing and taking in"),
    ]


def _kill_one(out: Path, rng: random.Random, *, resumed: bool) -> Loss:
    fresh = (
        str(SCENARIOS / "frail.py"),
        "--minutes",
        "30",
        "--jobs",
        "2",
        "--seed",
        str(rng.randrange(1000)),
    )
    words = command("run", *(("--resume",) if resumed else fresh), "--out", str(out))
    enough = _written(out) + rng.randrange(1, MOST_BYTES)
    until = time.monotonic() + _LIMIT_S
    with (out / "words").open("ab") as log:
        supervisor = subprocess.Popen(
            words, cwd=out, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    while _written(out) < enough and supervisor.poll() is None and time.monotonic() < until:
        time.sleep(0.0005)
    supervisor.kill()
    supervisor.wait()
    folder = sorted((out / "runs").iterdir())[-1]
    return _look(out, folder, Wreck(folder))


def _look(out: Path, folder: Path, wreck: Wreck) -> Loss:
    began = time.monotonic()
    with recalled(out) as memory:
        seconds = time.monotonic() - began
        night = next(night for night in memory.nights() if night.run.name == folder.name)
        seen = [one for finding in memory.findings() for one in memory.occurrences(finding.id)]
        damaged = memory.database.problem_with_integrity()
    known = {one.sighting for one in seen if one.run == folder.name}
    counters = {
        one.scenario: Counts(one.iterations, one.operations, one.accepted, one.refused)
        for one in night.scenarios
    }
    wanted = {name: wreck.counts.get(name, Counts()) for name in counters} | wreck.counts
    return Loss(
        sighted=len(wreck.sighted),
        lost=len({one.sighting for one in wreck.sighted} - known),
        different=sum(counters.get(name) != counts for name, counts in wanted.items()),
        damaged=int(bool(damaged)),
        seconds=seconds,
    )


def _written(out: Path) -> int:
    return sum(path.stat().st_size for path in (out / "runs").glob("*/events.jsonl"))
