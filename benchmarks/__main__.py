"""``python -m benchmarks [NAME …]``: measure, print, write ``README.md``. See ``--help``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    confirmed_overlaps,
    crash_rate,
    crash_to_finding,
    explore_canaries,
    fresh_process,
    hang_to_finding,
    help_time,
    histories,
    killed_memory,
    killed_supervisor,
    mornings,
    native_overlaps,
    operation_cost,
    schedule_cost,
    signatures,
    storm_rate,
    supervisor_cost,
)
from benchmarks.book import Book, Page, table, write_readme
from benchmarks.machine import describe
from benchmarks.row import Bench, Row

#: Load average per processor below which a machine is calm.
_CALM = 0.5

#: In the order of the table.
MEASUREMENTS: dict[str, Callable[[Bench], list[Row]]] = {
    "operation_cost": operation_cost.measure,
    "storm_rate": storm_rate.measure,
    "fresh_process": fresh_process.measure,
    "crash_to_finding": crash_to_finding.measure,
    "hang_to_finding": hang_to_finding.measure,
    "killed_supervisor": killed_supervisor.measure,
    "killed_memory": killed_memory.measure,
    "crash_rate": crash_rate.measure,
    "supervisor_cost": supervisor_cost.measure,
    "supervisor_memory": supervisor_cost.measure_memory,
    "help_time": help_time.measure,
    "histories": histories.measure,
    "signatures": signatures.measure,
    "mornings": mornings.measure,
    "schedule_cost": schedule_cost.measure,
    "native_overlaps": native_overlaps.measure,
    "confirmed_overlaps": confirmed_overlaps.measure,
    "explore_canaries": explore_canaries.measure,
}


def main() -> int:
    """Returns 1 when something was not reached."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure what soak is to reach."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all by default"
    )
    parser.add_argument("--long", action="store_true", help="take the time that the targets ask for: an hour")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what the runs left there")
    parser.add_argument(
        "--calm",
        type=float,
        default=0.0,
        metavar="S",
        help="wait so long for others' load to go away, each time",
    )
    options = parser.parse_args()
    unknown = set(options.names) - MEASUREMENTS.keys()
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected {', '.join(MEASUREMENTS)}")
    with tempfile.TemporaryDirectory(prefix="soak-bench-") as temporary:
        reached = [
            _measure(name, (options.keep or Path(temporary)) / name, long=options.long, calm=options.calm)
            for name in options.names or MEASUREMENTS
        ]
    return 0 if all(reached) else 1


def _measure(name: str, folder: Path, *, long: bool, calm: float) -> bool:
    folder.mkdir(parents=True)
    _wait_calm(calm)
    began = time.monotonic()
    rows = MEASUREMENTS[name](Bench(folder=folder.resolve(), long=long))
    if not rows:
        return True
    page = Page(name=name, machine=describe(), load=os.getloadavg()[0], rows=tuple(rows))
    book = Book()
    book.put(page)
    write_readme(book.tables(list(MEASUREMENTS)))
    print(f"{name}, {time.monotonic() - began:.0f} s\n\n{table([page])}\n", flush=True)
    return all(row.ok for row in rows)


def _wait_calm(seconds: float) -> None:
    """Wait until the load average leaves half of the machine free, at most ``seconds``."""
    until = time.monotonic() + seconds
    while os.getloadavg()[0] > _CALM * len(os.sched_getaffinity(0)) and time.monotonic() < until:
        time.sleep(1.0)


if __name__ == "__main__":
    sys.exit(main())
