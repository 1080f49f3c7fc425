"""Virtual time for controlled threads: it passes by steps, and at once when everybody waits."""

from __future__ import annotations

import time
from collections.abc import Callable

from soak.schedule.task import Wait, here

EPOCH = 1_700_000_000.0
"""What `time.time()` says at the beginning of every schedule, in seconds since 1970."""

real_sleep = time.sleep
real_monotonic = time.monotonic


def sleep(seconds: float) -> None:
    """As `time.sleep`, in virtual seconds."""
    task = here()
    if task is None:
        real_sleep(seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    conductor = task.conductor
    conductor.block(task, Wait(f"{seconds} s to pass"), conductor.now + seconds, sleeping=True)


def _clock(real: Callable[[], float], start: float) -> Callable[[], float]:
    def read() -> float:
        task = here()
        return real() if task is None else start + task.conductor.now

    return read


def _clock_ns(real: Callable[[], int], start: float) -> Callable[[], int]:
    def read() -> int:
        task = here()
        return real() if task is None else int((start + task.conductor.now) * 1e9)

    return read


CLOCKS: dict[str, Callable[..., object]] = {
    "sleep": sleep,
    "monotonic": _clock(time.monotonic, 1000.0),
    "perf_counter": _clock(time.perf_counter, 1000.0),
    "time": _clock(time.time, EPOCH),
    "monotonic_ns": _clock_ns(time.monotonic_ns, 1000.0),
    "perf_counter_ns": _clock_ns(time.perf_counter_ns, 1000.0),
    "time_ns": _clock_ns(time.time_ns, EPOCH),
}
