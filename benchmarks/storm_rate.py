"""Operations per second of ``mutation_storm``: under the whole harness, and beside it in a bare loop."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.row import Bench, Row, row
from benchmarks.soaking import ROOT, environment, soak_run
from soak.events import WorkerEnded
from soak.supervisor.plan import base_environment
from soak.worker.load import load_scenario

PAIRS, LONG_PAIRS, AT_LEAST = 8, 24, 95.0
_FILE = ROOT / "scenarios" / "mutation_storm.py"


def measure(bench: Bench) -> list[Row]:
    """Eight pairs (24 with ``long``), one seed each; who goes first takes turns."""
    bare, harness = [], []
    for seed in range(LONG_PAIRS if bench.long else PAIRS):
        if seed % 2:
            bare.append(_bare(seed))
            harness.append(_harness(bench.folder / str(seed), seed))
        else:
            harness.append(_harness(bench.folder / str(seed), seed))
            bare.append(_bare(seed))
    shares = [100 * ours / theirs for ours, theirs in zip(harness, bare, strict=True)]
    whole = 100 * median(harness) / median(bare)
    return [
        row("mutation_storm, bare loop", bare, "operations/s"),
        row("mutation_storm, soak run", harness, "operations/s"),
        row(
            "the harness's share of the bare loop",
            shares,
            "%",
            target=f"≥ {AT_LEAST:g} %",
            ok=median(shares) >= AT_LEAST,
            note=f"pair by pair; of the medians {whole:.1f} %",
        ),
    ]


def _harness(folder: Path, seed: int) -> float:
    words = ["mutation_storm", "--count", "1", "--jobs", "1", "--seed", str(seed), "--perturb", "none"]
    soaked = soak_run(folder, words)
    if soaked.status == 1:
        raise RuntimeError(f"expected nothing to be found:\n{(folder / 'words').read_text()}")
    (ended,) = soaked.of(WorkerEnded)
    return ended.operations / load_scenario(str(_FILE), "").seconds


def _bare(seed: int) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bare_loop", str(_FILE), "mutation_storm", str(seed)],
        env=environment() | base_environment((str(ROOT),)),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    return float(answer["operations"] / answer["seconds"])
