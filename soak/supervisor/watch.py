"""Tells a hang from starvation from work: judges progress per thread, from flight snapshots."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soak.events import Phase
from soak.flight import MAIN, SCENARIO, Snapshot, ThreadState

#: A worker that has not reached its first phase after this long never will.
BOOT_LIMIT_S = 60.0
#: A thread that makes progress, however little, is given this many limits before it counts as stuck.
_PATIENCE = 10.0
#: Another thread that uses this share of a core at least, and so many times what this one gets, starves it.
_HOG_SHARE, _HOG_TIMES = 0.2, 4.0
#: On a busy machine even a spinner gets little, but it always runs or waits for a processor.
_HOG_WANTS = 0.7
#: More of a core than what only looks on now and then.
_LEAST_SHARE = 0.05
_CPU_WINDOW_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A thread without progress (or starved by ``hog``) for ``seconds``; ``others`` in words."""

    thread: str
    native_id: int
    doing: str
    phase: Phase
    seconds: float
    starved: bool
    hog: str
    hog_native_id: int
    others: tuple[str, ...]


class Watch:
    """Looks at one worker's snapshots.

    By native id, ``cpu`` reads each thread's processor seconds, and ``waits`` how long it has waited for a
    processor; what the latter leaves out has not.
    """

    def __init__(
        self,
        *,
        hang_after: float,
        started: float,
        cpu: Callable[[], dict[int, float]],
        waits: Callable[[], dict[int, float]] = dict,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hang_after = hang_after
        self._started = started
        self._cpu = cpu
        self._waits = waits
        self._clock = clock
        self._slow: dict[tuple[int, float], _SlowOperation] = {}

    def look(self, snapshot: Snapshot) -> Suspicion | None:
        """The worst suspicion that this snapshot raises, or None."""
        now = self._clock()
        threads = [thread for thread in snapshot.threads if thread.doing and thread.kind != MAIN]
        scenario = [thread for thread in threads if thread.kind == SCENARIO]
        quiet = [thread for thread in scenario if now - progress_of(thread) > self._hang_after]
        if quiet:
            worst = min(quiet, key=progress_of)
            return self._suspect(snapshot, worst, now - progress_of(worst), now)
        slow = [thread for thread in scenario if now - thread.since > self._hang_after]
        self._slow = {key: value for key, value in self._slow.items() if key in {_key(t) for t in slow}}
        for thread in slow:
            suspicion = self._judge_slow(snapshot, thread, now)
            if suspicion is not None:
                return suspicion
        return self._judge_phase(snapshot, scenario, now)

    def _judge_slow(self, snapshot: Snapshot, thread: ThreadState, now: float) -> Suspicion | None:
        """An operation over its limit whose thread beats: is somebody starving it?"""
        seen = self._slow.get(_key(thread))
        if seen is None:
            self._slow[_key(thread)] = _SlowOperation(at=now, cpu=self._cpu(), waits=self._waits())
            return None
        if now - seen.at < _CPU_WINDOW_S:
            return None
        cpu, waits = self._cpu(), self._waits()
        shares, waited = (_shares(*each, now - seen.at) for each in ((seen.cpu, cpu), (seen.waits, waits)))
        self._slow[_key(thread)] = _SlowOperation(at=now, cpu=cpu, waits=waits)
        own = shares.pop(thread.native_id, 0.0)
        hog = max(shares, key=lambda tid: shares[tid], default=0)
        # A hog is one even where the machine is too busy to give it much: if it wants a processor all the
        # time, or once patience is at its end.
        impatient = now - thread.since > _PATIENCE * self._hang_after
        insatiable = shares.get(hog, 0.0) + waited.get(hog, 0.0) >= _HOG_WANTS
        enough = _LEAST_SHARE if impatient or insatiable else _HOG_SHARE
        if hog and shares[hog] >= enough and shares[hog] > _HOG_TIMES * own:
            return self._suspect(snapshot, thread, now - thread.since, now, hog=hog, share=shares[hog])
        return self._suspect(snapshot, thread, now - thread.since, now) if impatient else None

    def _judge_phase(self, snapshot: Snapshot, scenario: list[ThreadState], now: float) -> Suspicion | None:
        if not snapshot.phase_since:
            if now - self._started <= max(BOOT_LIMIT_S, self._hang_after):
                return None
            main = next((t for t in snapshot.threads if t.kind == MAIN), None)
            return self._phase_suspicion(snapshot, main, now - self._started)
        # While an operation is inside its own limit, the main thread rightly waits for it. One that makes
        # progress past its limit is judged by _judge_slow, and the main thread waits for that too.
        if scenario and snapshot.phase in (Phase.OPERATIONS, Phase.REST):
            return None
        main = next((thread for thread in snapshot.threads if thread.kind == MAIN), None)
        progress = max(snapshot.phase_since, main.beat_at if main else 0.0)
        if now - progress <= snapshot.phase_limit:
            return None
        return self._phase_suspicion(snapshot, main, now - snapshot.phase_since)

    def _phase_suspicion(self, snapshot: Snapshot, main: ThreadState | None, seconds: float) -> Suspicion:
        return Suspicion(
            thread="main",
            native_id=main.native_id if main else 0,
            doing=snapshot.phase.value,
            phase=snapshot.phase,
            seconds=seconds,
            starved=False,
            hog="",
            hog_native_id=0,
            others=_in_words(snapshot, main, self._clock()),
        )

    def _suspect(
        self,
        snapshot: Snapshot,
        thread: ThreadState,
        seconds: float,
        now: float,
        *,
        hog: int = 0,
        share: float = 0.0,
    ) -> Suspicion:
        names = {state.native_id: state.name for state in snapshot.threads}
        return Suspicion(
            thread=thread.name,
            native_id=thread.native_id,
            doing=thread.doing,
            phase=snapshot.phase,
            seconds=seconds,
            starved=bool(hog),
            hog=f"{names.get(hog, f'native thread {hog}')}, {share:.0%} of a core" if hog else "",
            hog_native_id=hog,
            others=_in_words(snapshot, thread, now),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _SlowOperation:
    """When an operation over its limit was last looked at, and what each thread had used by then, and how
    long it had waited."""

    at: float
    cpu: dict[int, float]
    waits: dict[int, float]


def _shares(before: dict[int, float], now: dict[int, float], seconds: float) -> dict[int, float]:
    return {tid: (total - before.get(tid, total)) / seconds for tid, total in now.items()}


def _key(thread: ThreadState) -> tuple[int, float]:
    return thread.native_id, thread.since


def progress_of(thread: ThreadState) -> float:
    """When a thread last got on, in monotonic seconds: it began something, or beat."""
    return max(thread.since, thread.beat_at)


def in_words(thread: ThreadState, now: float) -> str:
    """ "mutate-2 has been in add_object for 10.0 s"."""
    if not thread.doing:
        return f"{thread.name} is in no operation"
    beating = f", last beat {now - thread.beat_at:.1f} s ago" if thread.beat_at > thread.since else ""
    return f"{thread.name} has been in {thread.doing} for {now - thread.since:.1f} s{beating}"


def _in_words(snapshot: Snapshot, without: ThreadState | None, now: float) -> tuple[str, ...]:
    return tuple(in_words(thread, now) for thread in snapshot.threads if thread is not without)


def thread_cpu_seconds(pid: int) -> dict[int, float]:
    """Processor seconds that each thread of ``pid`` has used, by native id; empty when it is gone."""
    tick = os.sysconf("SC_CLK_TCK")
    used: dict[int, float] = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (task / "stat").read_text(errors="replace").rpartition(")")[2].split()
                used[int(task.name)] = (int(fields[11]) + int(fields[12])) / tick
    return used


def thread_wait_seconds(pid: int) -> dict[int, float]:
    """How long each thread of ``pid`` was ready to run and had no processor, by native id; empty where the
    kernel does not tell."""
    waited: dict[int, float] = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                waited[int(task.name)] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return waited


def process_of(worker: int, native_id: int) -> int:
    """The process to look at for a stuck thread: the worker, or one of its operations' own processes.

    Operations' processes work in their main thread, whose id is the process's.
    """
    if not native_id or Path(f"/proc/{worker}/task/{native_id}").exists():
        return worker
    return native_id if Path(f"/proc/{native_id}/task/{native_id}").exists() else worker
