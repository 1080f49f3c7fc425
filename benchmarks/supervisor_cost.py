"""What the supervisor takes for itself with four workers: processor time, and memory that must not grow.

Its workers sleep. It is watched from outside, twice at once: with plain lines into a file, and with the live
table on a pseudo-terminal.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import itertools
import os
import statistics
import struct
import subprocess
import termios
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.row import Bench, Row, row
from benchmarks.soaking import SCENARIOS, command, environment
from soak.detect.slope import trend

WORKERS = 4
#: Seconds: warm-up, then watching. Memory needs the half hour, and the longer warm-up: the series that a leak
#: is judged by fill with two hundred beats of each worker.
COST_S, MEMORY_S = (30.0, 90.0), (600.0, 1800.0)
CPU_LIMIT, ROWS, COLUMNS = 3.0, 40, 140
#: Memory is judged by the medians of so many equal stretches: neighbouring samples are no news of each other.
STRETCHES = 30

_TICK, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Of the supervisor alone, not of its children. Seconds; bytes."""

    t: float
    cpu: float
    rss: int


@dataclass(slots=True)
class Watched:
    """A supervisor at work, and what was read of it."""

    name: str
    process: subprocess.Popen[bytes]
    readings: list[Reading] = field(default_factory=list)

    def read(self) -> None:
        """Take a reading.

        Raises:
            OSError: it has ended.
        """
        proc = Path("/proc", str(self.process.pid))
        fields = (proc / "stat").read_text().rpartition(")")[2].split()
        pages = int((proc / "statm").read_text().split()[1])
        cpu = (int(fields[11]) + int(fields[12])) / _TICK
        self.readings.append(Reading(t=time.monotonic(), cpu=cpu, rss=pages * _PAGE))

    def after(self, t: float) -> list[Reading]:
        return [reading for reading in self.readings if reading.t >= t]


def measure(bench: Bench) -> list[Row]:
    """The processor time of both, over a minute and a half."""
    watched, since = _watch(bench, *COST_S)
    return [_cpu_row(one, since) for one in watched]


def measure_memory(bench: Bench) -> list[Row]:
    """The memory of both, over half an hour; only with ``long``, else there are no rows."""
    if not bench.long:
        return []
    watched, since = _watch(bench, *MEMORY_S)
    return [_memory_row(one, since) for one in watched]


def _watch(bench: Bench, warm_up: float, seconds: float) -> tuple[list[Watched], float]:
    """Both, read once a second, and the monotonic time when the warm-up was over."""
    with contextlib.ExitStack() as stack:
        watched = [_plain(bench, stack), _on_terminal(bench, stack)]
        began = time.monotonic()
        while time.monotonic() < began + warm_up + seconds:
            time.sleep(1.0)
            for one in watched:
                one.read()
    for one in watched:
        _keep(one, bench.folder / f"{one.name.replace(' ', '-')}.csv")
    return watched, began + warm_up


def _cpu_row(watched: Watched, since: float) -> Row:
    readings = watched.after(since)
    span = max(1, min(10, len(readings) // 6))
    marks = readings[::span]
    shares = [100.0 * (b.cpu - a.cpu) / (b.t - a.t) for a, b in itertools.pairwise(marks)]
    whole = 100.0 * (readings[-1].cpu - readings[0].cpu) / (readings[-1].t - readings[0].t)
    note = f"{whole:.2f} % over all {readings[-1].t - readings[0].t:.0f} s"
    return row(
        f"supervisor, {WORKERS} workers, {watched.name}: of one core",
        shares,
        "%",
        target=f"≤ {CPU_LIMIT:g} %",
        ok=whole <= CPU_LIMIT,
        note=note,
    )


def _memory_row(watched: Watched, since: float) -> Row:
    readings = watched.after(since)
    size = max(1, len(readings) // STRETCHES)
    stretches = [readings[at : at + size] for at in range(0, len(readings) - size + 1, size)]
    minutes = [statistics.median((r.t - since) / 60.0 for r in stretch) for stretch in stretches]
    kilobytes = [statistics.median(r.rss / 1e3 for r in stretch) for stretch in stretches]
    line = trend(minutes, kilobytes)
    span = (readings[-1].t - readings[0].t) / 60.0
    return Row(
        what=f"supervisor, {watched.name}: memory's slope over {span:.0f} min",
        low=line.low,
        median=line.slope,
        high=line.high,
        runs=len(stretches),
        unit="kB/min",
        target="interval contains 0",
        ok=line.low <= 0.0 <= line.high,
        note=f"95 % interval; {kilobytes[0] / 1e3:.1f} MB at first, {kilobytes[-1] / 1e3:.1f} MB at last",
    )


# -- the runs ------------------------------------------------------------------------------------------------


def _words(out: Path) -> list[str]:
    out.mkdir()
    file = str(SCENARIOS / "sleepers.py")
    return command("run", file, "--minutes", "60", "--jobs", str(WORKERS), "--out", str(out), "--seed", "1")


def _plain(bench: Bench, stack: contextlib.ExitStack) -> Watched:
    out = bench.folder / "plain"
    words = _words(out)
    log = stack.enter_context((bench.folder / "plain.log").open("wb"))
    process = subprocess.Popen(
        words, cwd=out, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    stack.callback(_end, process)
    return Watched("plain lines", process)


def _on_terminal(bench: Bench, stack: contextlib.ExitStack) -> Watched:
    out = bench.folder / "terminal"
    words = _words(out)
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        words,
        cwd=out,
        env=environment(TERM="xterm-256color"),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    threading.Thread(target=_drain, args=(ours,), daemon=True).start()
    stack.callback(_end, process)
    return Watched("live table", process)


def _drain(fd: int) -> None:
    with contextlib.suppress(OSError):  # a terminal whose other end is closed
        while os.read(fd, 1 << 16):
            pass
    os.close(fd)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(15.0)


def _keep(watched: Watched, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("monotonic_s", "cpu_s", "rss_bytes"))
        writer.writerows((reading.t, reading.cpu, reading.rss) for reading in watched.readings)
