"""The watch tells hangs, starvation and work apart, from snapshots alone."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass, field, replace

import pytest

from soak.events import Phase
from soak.flight import MAIN, SCENARIO, Snapshot, ThreadState
from soak.supervisor.watch import Suspicion, Watch, process_of, thread_wait_seconds

LIMIT = 10.0
START = 100.0


def thread(name: str, doing: str, since: float, *, kind: int = SCENARIO, beat_at: float = 0.0) -> ThreadState:
    return ThreadState(
        name=name,
        kind=kind,
        native_id=abs(hash(name)) % 10_000 + 1,
        doing=doing,
        since=since,
        beat_at=beat_at,
        beats=0,
        operations=0,
        head=0,
        ring=(),
    )


def snapshot(*threads: ThreadState, phase: Phase = Phase.OPERATIONS, since: float = START) -> Snapshot:
    return Snapshot(
        phase=phase,
        phase_since=since,
        phase_limit=5.0 + LIMIT,
        iteration=0,
        iterations=0,
        operations=0,
        accepted=0,
        refused=0,
        marks=(),
        threads=threads,
    )


@dataclass
class Stage:
    """A watch with a clock and a processor table that the test moves."""

    now: float = START
    cpu: dict[int, float] = field(default_factory=dict)
    waits: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watch = Watch(
            hang_after=LIMIT,
            started=START,
            cpu=lambda: dict(self.cpu),
            waits=lambda: dict(self.waits),
            clock=lambda: self.now,
        )

    def look(self, snap: Snapshot, at: float) -> Suspicion | None:
        self.now = at
        return self.watch.look(snap)


def test_an_operation_inside_its_limit_is_no_suspicion() -> None:
    """A thread that entered its operation 9.9 s ago is left alone."""
    assert Stage().look(snapshot(thread("a", "step", START)), START + 9.9) is None


def test_a_silent_operation_past_its_limit_is_a_hang_that_names_thread_and_operation() -> None:
    """The suspicion carries who, in what, and for how long; not the thread that still works."""
    stuck, busy = thread("mutate-2", "add_object", START), thread("mutate-1", "move", START + 10)
    found = Stage().look(snapshot(stuck, busy), START + 10.5)
    assert found is not None
    assert (found.thread, found.doing, found.starved) == ("mutate-2", "add_object", False)
    assert found.seconds == 10.5
    assert found.others == ("mutate-1 has been in move for 0.5 s",)


def test_the_thread_that_was_silent_first_is_named() -> None:
    """Of two stuck threads the older one is the better witness."""
    found = Stage().look(snapshot(thread("b", "y", START + 1), thread("a", "x", START)), START + 20)
    assert found is not None
    assert found.thread == "a"


def test_a_beating_operation_is_no_hang() -> None:
    """Progress inside a long operation counts: alive and slow is not stuck."""
    stage = Stage()
    for at in (15.0, 30.0, 60.0):
        snap = snapshot(thread("a", "train", START, beat_at=START + at - 1))
        assert stage.look(snap, START + at) is None


def test_a_beating_operation_beside_a_hog_is_starved() -> None:
    """It makes progress, another thread takes the processor: starvation, with the hog named."""
    stage = Stage()
    victim = thread("a", "train", START)
    hog = thread("spinner", "", START, kind=2)
    stage.cpu = {victim.native_id: 1.0, hog.native_id: 1.0}
    assert stage.look(snapshot(replace(victim, beat_at=START + 10.9), hog), START + 11) is None
    stage.cpu = {victim.native_id: 1.01, hog.native_id: 1.95}
    found = stage.look(snapshot(replace(victim, beat_at=START + 11.9), hog), START + 12)
    assert found is not None
    assert found.starved
    assert found.hog == "spinner, 95% of a core"


@pytest.mark.parametrize(("share", "starved"), [(0.08, True), (0.04, False)])
def test_on_a_busy_machine_even_a_hog_gets_little(share: float, starved: bool) -> None:
    """After ten limits the one that gets more is the hog; what only looks on now and then is none."""
    stage = Stage()
    victim = thread("step-0", "step", START)
    hog = thread("spinner", "", START, kind=2)
    for second, found in ((11, None), (12, None), (99, None), (101, "step-0")):
        stage.cpu = {victim.native_id: 1.0, hog.native_id: 1.0 + share * second}
        seen = stage.look(snapshot(replace(victim, beat_at=START + second - 0.1), hog), START + second)
        assert (seen.thread if seen else None) == found
    assert seen is not None
    assert (seen.starved, bool(seen.hog)) == (starved, starved)


@pytest.mark.parametrize(("waited", "starved"), [(0.8, True), (0.3, False)])
def test_a_hog_that_a_busy_machine_gives_little_wants_all_of_it(waited: float, starved: bool) -> None:
    """It runs for a tenth of the time: if it waits for a processor in the rest, it is a spinner."""
    stage = Stage()
    victim = thread("step-0", "step", START)
    hog = thread("spinner", "", START, kind=2)
    stage.cpu, stage.waits = {victim.native_id: 1.0, hog.native_id: 1.0}, {hog.native_id: 3.0}
    assert stage.look(snapshot(replace(victim, beat_at=START + 10.9), hog), START + 11) is None
    stage.cpu, stage.waits = {victim.native_id: 1.01, hog.native_id: 1.1}, {hog.native_id: 3.0 + waited}
    found = stage.look(snapshot(replace(victim, beat_at=START + 11.9), hog), START + 12)
    assert (found is not None and found.starved) == starved


def test_waiting_for_a_processor_is_read_off_the_kernel() -> None:
    """Of every thread of a process; of a process that is gone, nothing."""
    waited = thread_wait_seconds(os.getpid())
    assert threading.get_native_id() in waited
    assert all(seconds >= 0 for seconds in waited.values())
    assert thread_wait_seconds(1 << 23) == {}


def test_a_silent_operation_beside_a_hog_is_a_hang() -> None:
    """Without a beat there is no progress, so a busy neighbour excuses nothing."""
    stage = Stage()
    victim = thread("a", "lock", START)
    stage.cpu = {victim.native_id: 0.0, 77: 0.0}
    found = stage.look(snapshot(victim), START + 11)
    assert found is not None
    assert not found.starved


def test_an_operation_that_beats_forever_is_stuck_in_the_end() -> None:
    """Ten limits are enough for any operation."""
    stage = Stage()
    found = None
    for at in (11.0, 12.0, 101.0):
        found = stage.look(snapshot(thread("a", "train", START, beat_at=START + at)), START + at)
    assert found is not None
    assert found.seconds == 101.0


def test_a_phase_past_its_limit_is_a_hang_of_the_main_thread() -> None:
    """Teardown has no operation to blame: the phase itself is named."""
    snap = snapshot(thread("main", "teardown", START, kind=MAIN), phase=Phase.TEARDOWN)
    assert Stage().look(snap, START + 14.9) is None
    found = Stage().look(snap, START + 15.1)
    assert found is not None
    assert (found.thread, found.doing, found.phase) == ("main", "teardown", Phase.TEARDOWN)


def test_an_exit_that_does_not_finish_is_a_hang() -> None:
    """The exit phase has a limit like any other."""
    snap = snapshot(thread("main", "exit", START, kind=MAIN), phase=Phase.EXIT)
    found = Stage().look(snap, START + 16)
    assert found is not None
    assert found.phase is Phase.EXIT


def test_the_main_thread_waits_for_an_operation_inside_its_limit() -> None:
    """The rest phase may outlast its own limit while an operation that began late is inside its own."""
    main = thread("main", "rest", START, kind=MAIN)
    late = thread("a", "stop", START + 14)
    assert Stage().look(snapshot(main, late, phase=Phase.REST), START + 16) is None


def test_a_worker_that_never_boots_is_a_hang() -> None:
    """Silence before the first phase has a limit too."""
    snap = snapshot(phase=Phase.BOOT, since=0.0)
    stage = Stage()
    assert stage.look(snap, START + 59) is None
    found = stage.look(snap, START + 61)
    assert found is not None
    assert found.phase is Phase.BOOT


def test_a_stuck_thread_is_looked_at_in_its_own_process() -> None:
    """A thread of the worker's is looked at in the worker, an operation's process where it is."""
    worker = os.getpid()
    with subprocess.Popen(["sleep", "600"]) as process:
        assert process_of(worker, process.pid) == process.pid
        process.kill()
    assert process_of(worker, process.pid) == worker
    assert process_of(worker, threading.get_native_id()) == worker
    assert process_of(worker, 0) == worker
