"""From the instant of a SIGSEGV to the finding on disk: with Python stacks, and with the mixed native one."""

from __future__ import annotations

from pathlib import Path

from benchmarks.filed import filed_at, only_finding, text_of
from benchmarks.row import Bench, Row, at_most
from benchmarks.soaking import SCENARIOS, soak_run

RUNS = 10
PYTHON_LIMIT_MS, NATIVE_LIMIT_S = 100.0, 2.0


def measure(bench: Bench) -> list[Row]:
    """Ten runs, each with one crash in a fresh output folder."""
    crashes = [_crash(bench.folder / str(number)) for number in range(RUNS)]
    return [
        at_most(
            "SIGSEGV to finding.json and Python stacks",
            [1e3 * python for python, _native in crashes],
            PYTHON_LIMIT_MS,
            "ms",
        ),
        at_most(
            "SIGSEGV to the mixed native stack",
            [native for _python, native in crashes],
            NATIVE_LIMIT_S,
            "s",
            note="out of the core",
        ),
    ]


def _crash(folder: Path) -> tuple[float, float]:
    """Seconds until finding and fault text, and until the native stack, were on disk."""
    stamps = folder.with_suffix(".stamp")
    scenario = str(SCENARIOS / "stamped_segfault.py")
    soaked = soak_run(folder, [scenario, "--count", "1", "--jobs", "1"], SOAK_BENCH_STAMPS=str(stamps))
    died = float(stamps.read_text())
    finding = only_finding(soaked)
    fault, native = finding / "1" / "fault.txt", finding / "1" / "native.txt"
    if "in follow_null" not in text_of(fault):
        raise RuntimeError(f"{fault}: expected the Python stack of follow_null, got {text_of(fault)!r}")
    if "follow_null" not in text_of(native) or "string_at" not in text_of(native):
        raise RuntimeError(f"{native}: expected Python and native frames, got {text_of(native)!r}")
    return filed_at(finding / "finding.json") - died, filed_at(native) - died
