"""What is replaced while schedules run does its job, and all of it is put back."""

from __future__ import annotations

import _thread
import gc
import queue
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import soak
from tests.schedule import kernels

LOCK = threading.Lock()
CHANGED = threading.Condition()
HELD = threading.Lock()


def snapshot() -> dict[str, object]:
    names: dict[str, object] = {}
    for module in (threading, _thread, queue, time):
        names.update({f"{module.__name__}.{name}": value for name, value in vars(module).items()})
    for name in ("__init__", "start", "join", "is_alive", "_delete"):
        names[f"Thread.{name}"] = vars(threading.Thread)[name]
    names["pool._counter"] = vars(ThreadPoolExecutor)["_counter"]
    return names


def test_everything_is_put_back() -> None:
    before, state, seeded = snapshot(), gc.isenabled(), random.getstate()
    lock, waiting = LOCK, CHANGED.acquire
    soak.race(kernels.lost_update, target=[kernels], schedules=20)
    after = snapshot()
    assert [name for name in before if before[name] is not after[name]] == []
    assert (gc.isenabled(), random.getstate()) == (state, seeded)
    assert LOCK is lock
    assert CHANGED.acquire == waiting
    assert gc.get_freeze_count() == 0
    if sys.version_info >= (3, 12):
        assert sys.monitoring.get_tool(3) is None


def test_locks_made_at_import_are_controlled() -> None:
    """A thread that waits for one is seen to wait, and the lock itself stays as it was."""

    def never() -> None:
        def wait() -> None:
            with CHANGED:
                CHANGED.wait()

        with LOCK:
            kernels.together(wait)

    result = soak.race(never, schedules=10)
    assert result.found
    assert "waits for a notify" in result.words
    assert not LOCK.locked()
    assert CHANGED.acquire(blocking=False)
    CHANGED.release()


def test_a_lock_left_locked_by_one_schedule_is_free_in_the_next() -> None:
    def holds() -> None:
        LOCK.acquire()

    result = soak.race(holds, schedules=5)
    assert (result.found, result.schedules) == (False, 5)


def test_time_is_virtual() -> None:
    """An hour's sleep passes at once, for clocks too, and a timeout comes when nobody else can go on."""

    def hour() -> None:
        began, wall = time.monotonic(), time.time()
        time.sleep(3600)
        assert 3600 <= time.monotonic() - began < 3601
        assert 3600 <= time.time() - wall < 3601
        lock = threading.Lock()
        lock.acquire()
        assert not lock.acquire(timeout=3600)
        try:
            queue.SimpleQueue[int]().get(timeout=3600)
        except queue.Empty:
            return
        raise AssertionError("something came out of an empty queue")

    began = time.monotonic()
    result = soak.race(hour, schedules=10)
    assert not result.found, result
    assert time.monotonic() - began < 3600


def test_a_call_that_is_not_controlled_stalls_and_is_named() -> None:
    """Nothing hangs for ever: the watchdog ends the schedule, and the result says where it stood."""
    HELD.acquire()
    try:
        result = soak.race(lambda: kernels.together(lambda: HELD.acquire()), schedules=9, stall=0.2)
    finally:
        HELD.release()
    assert not result.found
    assert result.schedules == 3
    assert result.unproven is not None
    assert "HELD.acquire()" in result.unproven


def test_an_idle_pool_is_no_deadlock() -> None:
    pools: list[ThreadPoolExecutor] = []

    def submits() -> None:
        pool = ThreadPoolExecutor(2)
        pools.append(pool)
        assert pool.submit(lambda: 3).result(timeout=60) == 3

    result = soak.race(submits, schedules=20)
    assert not result.found, result


def test_a_thread_that_was_started_below_threading_is_controlled() -> None:
    def starts() -> None:
        shared = kernels.Shared()

        def tell() -> None:
            shared.ready = True

        _thread.start_new_thread(tell, ())
        while not shared.ready:
            time.sleep(1)

    result = soak.race(starts, schedules=30)
    assert (result.found, result.endless, result.stalled, result.notes) == (False, 0, None, ())


def test_threads_end_with_their_schedule() -> None:
    """Also those that were parked, and those that swallow what ends them."""

    def leaves() -> None:
        def stays() -> None:
            while True:
                try:
                    time.sleep(1)
                except BaseException:  # noqa: BLE001
                    return

        threading.Thread(target=stays).start()
        raise ValueError("now")

    before = threading.active_count()
    assert soak.race(leaves, schedules=5).found
    assert threading.active_count() == before


def test_a_target_that_starts_processes_is_told_so() -> None:
    def starts() -> None:
        import subprocess

        kernels.together(lambda: subprocess.run(["true"], check=True))

    result = soak.race(starts, schedules=2)
    assert any("starts processes" in note for note in result.notes)


def waits_by(
    clock: Callable[[], float] = time.monotonic, *, sleep: Callable[[float], None] = time.sleep
) -> float:
    """What a library does whose time can be handed in."""
    began = clock()
    sleep(3600)
    return clock() - began


def test_clocks_that_were_bound_as_defaults_are_virtual_too() -> None:
    """An hour passes at once, and the function has its own defaults again afterwards."""
    passed: list[float] = []

    def waits() -> None:
        passed.append(waits_by())
        assert passed[-1] >= 3600

    result = soak.race(waits, schedules=2)
    assert not result.found, result
    assert len(passed) >= 2
    assert waits_by.__defaults__ == (time.monotonic,)
    assert waits_by.__kwdefaults__ == {"sleep": time.sleep}


@dataclass
class Made:
    """A dataclass keeps what makes its locks in a function that nobody sees."""

    lock: Any = field(default_factory=threading.Lock)
    inside: int = 0

    def enter(self) -> None:
        with self.lock:
            self.inside = self.inside + 1
            time.sleep(1)
            self.inside = self.inside - 1


def test_locks_of_a_dataclass_s_factory_are_controlled() -> None:
    """A thread that waits for one waits at its gate, not in the kernel."""

    def meets() -> None:
        made = Made()
        kernels.together(made.enter, made.enter)

    result = soak.race(meets, schedules=30, stall=2.0)
    assert (result.found, result.stalled, result.notes) == (False, None, ())
    assert type(Made().lock) is type(threading.Lock())
