"""Small programs with one race each, and their corrected twins: what the schedules are tried on."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Shared:
    """What threads share."""

    def __init__(self) -> None:
        self.count = 0
        self.ready = False


def together(*works: Callable[[], object]) -> None:
    """Start a thread for each, and wait for all."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lost_update() -> None:
    shared = Shared()

    def add() -> None:
        seen = shared.count
        shared.count = seen + 1

    together(add, add)
    assert shared.count == 2


def update_after_an_import() -> None:
    """The same; but the first call in a process imports a module, and takes locks that no later one takes."""
    import colorsys

    colorsys.rgb_to_hsv(0.0, 0.0, 0.0)
    lost_update()


def locked_update() -> None:
    shared = Shared()
    lock = threading.Lock()

    def add() -> None:
        with lock:
            seen = shared.count
            shared.count = seen + 1

    together(add, add)
    assert shared.count == 2


def one_line_update() -> None:
    shared = Shared()

    def add() -> None:
        shared.count += 1

    together(add, add)
    assert shared.count == 2


def one_line_locked() -> None:
    shared = Shared()
    lock = threading.RLock()

    def add() -> None:
        with lock, lock:
            shared.count += 1

    together(add, add)
    assert shared.count == 2


def crossed_locks() -> None:
    first, second = threading.Lock(), threading.Lock()

    def forth() -> None:
        with first, second:
            pass

    def back() -> None:
        with second, first:
            pass

    together(forth, back)


def ordered_locks() -> None:
    first, second = threading.Lock(), threading.Lock()

    def both() -> None:
        with first, second:
            pass

    together(both, both)


def checked_submit() -> None:
    _submit_once(guard=None)


def guarded_submit() -> None:
    _submit_once(guard=threading.Lock())


def _submit_once(guard: threading.Lock | None) -> None:
    running: list[int] = []
    started: list[int] = []

    def start(number: int) -> None:
        if not running:
            running.append(number)
            started.append(number)

    def policy(number: int) -> None:
        if guard is None:
            start(number)
        else:
            with guard:
                start(number)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(policy, number) for number in range(2)]:
            future.result()
    assert len(started) == 1


def missed_notify() -> None:
    shared = Shared()
    changed = threading.Condition()

    def wait() -> None:
        if not shared.ready:
            with changed:
                changed.wait()

    def tell() -> None:
        with changed:
            shared.ready = True
            changed.notify()

    together(wait, tell)


def kept_notify() -> None:
    shared = Shared()
    changed = threading.Condition()

    def wait() -> None:
        with changed:
            while not shared.ready:
                changed.wait()

    def tell() -> None:
        with changed:
            shared.ready = True
            changed.notify()

    together(wait, tell)


def peeked_queue() -> None:
    jobs: queue.Queue[int] = queue.Queue()
    jobs.put(1)

    def take() -> None:
        if not jobs.empty():
            jobs.get_nowait()

    together(take, take)


def fed_queue() -> None:
    jobs: queue.Queue[int | None] = queue.Queue(2)
    taken: list[int] = []

    def feed() -> None:
        for job in range(4):
            jobs.put(job)
        jobs.put(None)

    def take() -> None:
        while (job := jobs.get(timeout=60)) is not None:
            taken.append(job)
            time.sleep(0.5)

    together(feed, take)
    assert taken == [0, 1, 2, 3]


def slept_in_order() -> None:
    """A sleep in place of a wait: it holds until the other thread is slow."""
    shared = Shared()

    def tell() -> None:
        shared.ready = True

    thread = threading.Thread(target=tell)
    thread.start()
    time.sleep(3600)
    assert shared.ready
    thread.join()


def waited_in_order() -> None:
    shared = Shared()
    told = threading.Event()

    def tell() -> None:
        time.sleep(3600)
        shared.ready = True
        told.set()

    thread = threading.Thread(target=tell)
    thread.start()
    assert told.wait(7200)
    assert shared.ready
    thread.join()


BUGGY = (
    lost_update,
    one_line_update,
    crossed_locks,
    checked_submit,
    missed_notify,
    peeked_queue,
    slept_in_order,
)
FIXED = (
    locked_update,
    one_line_locked,
    ordered_locks,
    guarded_submit,
    kept_notify,
    fed_queue,
    waited_in_order,
)
