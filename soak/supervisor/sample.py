"""The supervisor's reading of a worker's resources, about once a second."""

from __future__ import annotations

import time

import psutil

from soak.events import Sample
from soak.supervisor.worker import Worker


class Sampler:
    """Reads one worker process. Keeps what it needs to turn processor seconds into cores."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._process: psutil.Process | None = None
        self._last: tuple[float, float] | None = None

    def sample(self) -> Sample | None:
        """A reading, or None when the process is gone or going."""
        try:
            if self._process is None:
                self._process = psutil.Process(self._worker.pid)
            process = self._process
            with process.oneshot():
                times = process.cpu_times()
                used, now = times.user + times.system, time.monotonic()
                cpu = (used - self._last[0]) / (now - self._last[1]) if self._last else 0.0
                self._last = (used, now)
                rss, threads, fds = process.memory_info().rss, process.num_threads(), process.num_fds()
        except psutil.Error:
            return None
        counters = self._worker.flight.snapshot()
        return Sample(
            t=time.time(),
            worker=self._worker.spec.worker,
            rss=rss,
            cpu=round(cpu, 3),
            threads=threads,
            fds=fds,
            operations=counters.operations,
            accepted=counters.accepted,
            refused=counters.refused,
            iterations=counters.iterations,
        )
