"""How often two MuJoCo calls that overlap by the books do crash, once ``soak explore`` has them meet.

Three pairs of calls on one data, each explored from several seeds. A step of their scene takes some 200 µs;
where two are to meet, it is made fifty times, or a thousand.
"""

from __future__ import annotations

from typing import Any

from benchmarks.row import Bench, Row, row
from benchmarks.soaking import SCENARIOS, soak_json

PAIRS = {
    "mj_step and mj_resetData": "step_and_reset",
    "mj_step and recompile": "step_and_recompile",
    "two mj_step": "step_and_step",
}
SEEDS, LONG_SEEDS = 10, 20
CONFIRMED = 90.0
#: A bound on a hang: of a search and all its tries.
_LIMIT_S = 300.0


def measure(bench: Bench) -> list[Row]:
    """Two rows for each pair."""
    rows: list[Row] = []
    for name, function in PAIRS.items():
        told = [_confirmed(bench, function, seed) for seed in range(LONG_SEEDS if bench.long else SEEDS)]
        deaths = [one["death"] for one in told if one["death"]]
        share = 100.0 * len(deaths) / len(told)
        kinds = ", ".join(f"{deaths.count(death)} × {death}" for death in sorted(set(deaths)))
        rows += [
            row(
                f"{name}: overlaps that a real crash confirms",
                [share],
                "%",
                target=f"≥ {CONFIRMED:.0f} %",
                ok=share >= CONFIRMED,
                note=f"{len(deaths)} of {len(told)}: {kinds}",
            ),
            row(f"{name}: tries to the crash, ten at most", [float(one["tries"]) for one in told], ""),
        ]
    return rows


def _confirmed(bench: Bench, function: str, seed: int) -> dict[str, Any]:
    what = f"{SCENARIOS / 'overlaps.py'}::{function}"
    out = bench.folder / f"{function}-{seed}"
    record, _ = soak_json(out, ["explore", what, "--seed", str(seed)], limit=_LIMIT_S)
    told: dict[str, Any] = record["confirmed"]
    return told
