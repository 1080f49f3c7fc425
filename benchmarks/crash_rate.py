"""Two hundred iterations of which one in twenty dies of SIGSEGV: all run, one finding, an honest rate."""

from __future__ import annotations

from benchmarks.row import Bench, Row, row
from benchmarks.soaking import HOSTILE, soak_run
from soak.events import WorkerEnded
from soak.findings.statistics import percent, wilson
from soak.report.fold import fold

COUNT, RATE, SEEDS = 200, 0.05, range(1, 6)


def measure(bench: Bench) -> list[Row]:
    """Five seeds. An interval of 95 % misses the truth once in twenty, so one of five may."""
    tries, findings, hits = [], [], []
    for seed in SEEDS:
        out = bench.folder / str(seed)
        words = [
            str(HOSTILE / "flaky_segfault.py"),
            "--count",
            str(COUNT),
            "--seed",
            str(seed),
            "--jobs",
            "1",
        ]
        soaked = soak_run(out, words)
        (stream,) = out.glob("runs/*/events.jsonl")
        progress = fold(stream)
        tries.append(sum(scenario.tries for scenario in progress.scenarios.values()))
        findings.append(len(soaked.findings()))
        hits.append(sum(ended.status == -11 for ended in soaked.of(WorkerEnded)))
    intervals = [wilson(hit, COUNT) for hit in hits]
    inside = sum(low <= RATE <= high for low, high in intervals)
    shown = ", ".join(f"{percent(low)}–{percent(high)} %" for low, high in intervals)
    return [
        row(
            f"iterations run of {COUNT}, 5 % of them fatal", tries, "", target="200", ok=set(tries) == {COUNT}
        ),
        row("findings of these", findings, "", target="1", ok=set(findings) == {1}),
        row(
            "their rate of SIGSEGV",
            [100 * hit / COUNT for hit in hits],
            "%",
            target="interval contains 5 %",
            ok=inside >= len(hits) - 1,
            note=f"95 % intervals: {shown}",
        ),
    ]
