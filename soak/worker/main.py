"""The worker's life: settle in, run iterations, say the last words.

Standard library only, like everything that a worker imports besides the scenario.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from soak import author
from soak.author import Scenario
from soak.events import Beat, LastWords, Phase, WorkerSpec
from soak.flight import H_ITERATION, H_ITERATIONS, Flight
from soak.worker.before import load_parts, run_part
from soak.worker.desk import open_desk
from soak.worker.emitter import Emitter
from soak.worker.figures import Gauge
from soak.worker.iteration import Unusable, in_phase, run_iteration
from soak.worker.perturb import module_names
from soak.worker.rest import RestKeeper
from soak.worker.settle import dump_later, settle_in
from soak.worker.threads import ThreadLedger

__all__ = ["run_worker", "settle_in"]

#: Seconds between two beats, and how many first beats come regardless.
_BEAT_EVERY, _FIRST_BEATS = 0.2, 5
#: The backstop's limit is far above the supervisor's, so that it fires only where that is gone.
_BACKSTOP_HANGS, _BACKSTOP_EXTRA = 3, 30.0


def run_worker(spec: WorkerSpec, event_fd: int, scenario: Scenario, target: Any) -> NoReturn:
    """Run iterations until their count, a stop or a finding ends them. Call :func:`settle_in` before.

    Args:
        spec: what the worker is told.
        event_fd: the event pipe's writing end; it is taken over.
        scenario: what ``spec.scenario`` names.
        target: what the target's import string names, or None.

    Raises:
        SystemExit: with ``scenario.real_exit`` the process leaves through Python's own exit: let it pass.
    """
    emitter = Emitter(event_fd)
    try:
        worker = _Worker(spec, emitter, scenario, target)
        reason, message = worker.run()
        worker.close(reason, message)
    except BaseException:  # noqa: BLE001 - the process's edge: our own fault must be told, not lost
        text = traceback.format_exc()
        emitter.emit(
            LastWords(t=time.time(), worker=spec.worker, reason="unusable", iterations=0, message=text)
        )
        _flush(text)
        os._exit(0)
    if scenario.real_exit and reason in ("count", "asked"):
        sys.exit(0)
    os._exit(0)


class _Worker:
    """The iterations of one worker, one after the other."""

    def __init__(self, spec: WorkerSpec, emitter: Emitter, scenario: Scenario, target: Any) -> None:
        self._spec = spec
        self._emitter = emitter
        self._scenario = scenario
        self._target = target
        self._began = time.monotonic()
        folder = Path(spec.folder)
        flight = Flight(folder / "flight")
        flight.enter_phase(Phase.BOOT, spec.hang_after)
        self._flight = flight
        self._desk = open_desk(spec, flight, emitter, scenario, target)
        self._witness = self._desk.witness
        self._ledger = ThreadLedger()
        self._rest = RestKeeper(spec.worker, folder, emitter.emit)
        self._gauge = Gauge()
        self._beats = 0
        self._beat_operations = -1
        self._beat_at = 0.0
        self._iteration = spec.first_iteration
        self._finished = 0

    def run(self) -> tuple[str, str]:
        """Boot and iterate; returns the reason of the end and a message for people."""
        with in_phase(self._desk, Phase.BOOT):
            parts = load_parts(self._spec)
            targets = [self._target, *(part.target for part in parts)]
            prepare_targets(targets, guard_malloc=self._spec.guard_malloc)
            self._witness.catch_threads()
            self._ledger.open()
            gc.freeze()  # what was imported is never garbage: collections before a beat stay cheap
        try:
            for part in parts:
                reason = run_part(part, self._spec, self._flight, self._emitter)
                if reason or self._witness.has_found():
                    return reason or "finding", ""
            author.set_witness(self._witness)
            self._desk.perturber.install()
            return self._iterate(), ""
        except Unusable as error:
            return "unusable", str(error)

    def _iterate(self) -> str:
        spec, flight = self._spec, self._flight
        backstop = self._scenario.seconds + _BACKSTOP_HANGS * self._desk.hang_after + _BACKSTOP_EXTRA
        done = 0
        while not spec.count or done < spec.count:
            if flight.stop_asked:
                return "asked"
            self._iteration = spec.first_iteration + done
            flight.words[H_ITERATION] = self._iteration
            self._ledger.iteration = done
            dump_later(backstop)
            whole = run_iteration(self._desk, self._iteration)
            faulthandler.cancel_dump_traceback_later()
            if self._witness.has_found():
                return "finding"
            if whole and not flight.stop_asked:
                self._finished += 1
                flight.words[H_ITERATIONS] = self._finished
                with in_phase(self._desk, Phase.TEARDOWN):
                    self._rest.measure(self._iteration)
                    self._beat_if_due()
            done += 1
        return "asked" if flight.stop_asked else "count"

    def _beat_if_due(self) -> None:
        if self._beats < _FIRST_BEATS or time.monotonic() - self._beat_at >= _BEAT_EVERY:
            gc.collect()
            self._beat()

    def _beat(self, *, last: bool = False) -> None:
        self._beats += 1
        self._beat_at = time.monotonic()
        operations, accepted, refused = self._flight.totals()
        self._beat_operations = operations
        texts, waived = self._scenario.sometimes, self._scenario.waived
        marks = zip(texts, self._flight.marks(len(texts)), strict=True)
        figures = self._gauge.read()
        self._emitter.emit(
            Beat(
                t=time.time(),
                worker=self._spec.worker,
                iteration=self._iteration,
                iterations=self._finished,
                seconds=self._beat_at - self._began,
                operations=operations,
                accepted=accepted,
                refused=refused,
                sometimes={text: count for text, count in marks if text not in waived},
                rss=figures.rss,
                heap=figures.heap,
                blocks=figures.blocks,
                maps=figures.maps,
                threads=figures.threads,
                fds=figures.fds,
                took=self._witness.stopwatch.tell(now=last),
            )
        )

    def close(self, reason: str, message: str) -> None:
        """The last beat and the last words; from here on only the process's exit is left."""
        self._flight.enter_phase(Phase.EXIT, self._desk.hang_after)
        self._desk.slots.main.enter(self._desk.slots.label(Phase.EXIT.value))
        if self._flight.totals()[0] != self._beat_operations or self._witness.stopwatch.has_news:
            self._beat(last=True)
        self._emitter.emit(
            LastWords(
                t=time.time(),
                worker=self._spec.worker,
                reason=reason,
                iterations=self._finished,
                message=message,
            )
        )
        if self._scenario.real_exit:
            self._desk.perturber.remove()
            dump_later(_BACKSTOP_HANGS * self._desk.hang_after + _BACKSTOP_EXTRA)
        _flush(message)


def prepare_targets(targets: Sequence[Any], *, guard_malloc: bool) -> None:
    """Call the hook ``soak_prepare(guard_malloc=…)`` of every module that ``targets`` come from, once."""
    called = []
    for name in [name for target in targets if target is not None for name in module_names(target)]:
        hook = getattr(sys.modules.get(name), "soak_prepare", None)
        if hook is not None and hook not in called:
            called.append(hook)
            hook(guard_malloc=guard_malloc)


def _flush(message: str) -> None:
    """Leave the words for people in stderr, and nothing in a buffer."""
    with contextlib.suppress(Exception):  # the target may have closed or replaced anything
        if message:
            sys.stderr.write(message.rstrip("\n") + "\n")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
