"""`kill -9` of the supervisor at any moment: after the next command nothing is lost, every count exact."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from soak.cli.recall import recalled
from soak.findings.counts import Counts
from soak.findings.store import Store
from tests.cli.command import DEADLINE_S, ROOT, Soak
from tests.cli.wreck import Wreck

#: Many short workers: promises break, and workers end without a word.
FRAIL = ROOT / "benchmarks" / "scenarios" / "frail.py"


def kill_somewhere(soak: Soak, out: Path, words: list[str | Path], more: int) -> Path:
    """Run until its stream has grown by ``more`` bytes, kill it; returns the run's folder."""
    before = _size(out)
    running = soak.start(*words, "--out", out)
    until = time.monotonic() + DEADLINE_S
    while _size(out) < before + more:
        assert running.process.poll() is None, running.stderr
        assert time.monotonic() < until, running.stderr
        time.sleep(0.0005)
    running.send(signal.SIGKILL)
    running.process.wait()
    return sorted((out / "runs").iterdir())[-1]


def _size(out: Path) -> int:
    return sum(path.stat().st_size for path in (out / "runs").glob("*/events.jsonl"))


def assert_nothing_is_lost(out: Path, folder: Path, wreck: Wreck) -> None:
    """What the next command knows of a killed run, beside what the run itself had written."""
    with recalled(out) as memory:
        night = next(night for night in memory.nights() if night.run.name == folder.name)
        seen = [one for finding in memory.findings() for one in memory.occurrences(finding.id)]
        assert memory.database.problem_with_integrity() == ""
    here = {one.sighting: one for one in seen if one.run == folder.name}
    assert {one.sighting for one in wreck.sighted} <= set(here), "a finding that was written is lost"
    by_promise = Counter(one.promise for one in wreck.broken)
    assert by_promise.total() <= len([one for one in here.values() if one.finding.startswith("violation")])
    for finding in Store(out).all():
        mine = [one for one in seen if one.finding == finding.id]
        assert finding.count == len(mine), "the files store counts otherwise"
        newest = max(mine, key=lambda one: (one.run, one.sighting))
        assert (out / newest.path / "sighting.json").is_file()
    for row in night.scenarios:
        wanted = wreck.counts.get(row.scenario, Counts())
        known = Counts(row.iterations, row.operations, row.accepted, row.refused)
        assert known == wanted, f"{row.scenario}: counted {known}, was {wanted}"


def kill_and_look(soak: Soak, out: Path, rng: random.Random, *, resumed: bool) -> None:
    fresh: list[str | Path] = [
        "run",
        FRAIL,
        "--minutes",
        "30",
        "--jobs",
        "2",
        "--seed",
        str(rng.randrange(1000)),
    ]
    words: list[str | Path] = ["run", "--resume"] if resumed else fresh
    folder = kill_somewhere(soak, out, words, rng.randrange(1, 60_000))
    assert_nothing_is_lost(out, folder, Wreck(folder))


@pytest.mark.parametrize("seed", [1, 2])
def test_after_kill_9_nothing_is_lost(soak: Soak, seed: int) -> None:
    """Findings and counters of a run, and of the same run killed again after it was resumed."""
    rng, out = random.Random(seed), soak.folder / "out"
    kill_and_look(soak, out, rng, resumed=False)
    kill_and_look(soak, out, rng, resumed=True)


@pytest.mark.slow
def test_after_kill_9_at_50_moments_nothing_is_lost(soak: Soak) -> None:
    """Runs and resumed runs in one folder, so that each meets what all before it left."""
    rng, out = random.Random(50), soak.folder / "out"
    for number in range(50):
        kill_and_look(soak, out, rng, resumed=number % 2 == 1)


def test_a_killed_run_is_in_the_next_report(soak: Soak) -> None:
    """`soak show` has the finding, `soak report` the counters and why the run ended, without being asked."""
    out = soak.folder / "out"
    folder = kill_somewhere(soak, out, ["run", FRAIL, "--minutes", "30"], 60_000)
    wreck = Wreck(folder)
    shown = soak("show", "--out", out, "--json")
    assert "its supervisor was killed: completed" in shown.stderr
    assert {one["id"] for one in json.loads(shown.stdout)}
    told = soak("report", "--out", out, "--json").document()
    assert told["verdict"] == "interrupted"
    operations = {row["scenario"]: row["operations"] for row in told["scenarios"]}
    assert operations == {name: counts.operations for name, counts in wreck.counts.items()}
