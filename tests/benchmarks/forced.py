"""A hand-made schedule: which thread runs up to which line, step by step, and then all go on as they like.

``python -m tests.benchmarks.forced`` runs every schedule and prints what came of it, a JSON line per kernel.
A process of its own, for a deadlock leaves its threads behind. Independent of soak, which is judged by it.
"""

from __future__ import annotations

import json
import linecache
import os
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

from benchmarks.detection.kernel import Kernel
from benchmarks.detection.kernels import KERNELS

#: Up to the end of what the thread does in the program.
END = None
#: A thread, by the end of its name, and the text of the line before which it stops.
Step = tuple[str, str | None]

_BOUND = 60.0
_STILL = 0.5  # seconds without any thread's moving that make a deadlock

_FIRST, _SECOND, _THIRD, _FOURTH = (f"thread-{number}" for number in range(4))

SCHEDULES: dict[str, Sequence[Step]] = {
    "account": [(_SECOND, END), (_THIRD, END), (_FIRST, END)],
    "lazy01": [(_FIRST, END), (_SECOND, END), (_THIRD, END)],
    "token_ring": [(_SECOND, END), (_FIRST, END), (_THIRD, END), (_FOURTH, END)],
    "bluetooth_driver": [("main", "with self.lock:"), (_FIRST, END), ("main", END)],
    "deadlock01": [(_FIRST, "self.b.acquire()"), (_SECOND, "self.a.acquire()")],
    "carter01": [
        (_FIRST, "self.a_guard.acquire()"),
        (_FIRST, "self.a_guard.acquire()"),
        (_SECOND, "self.l.acquire()"),
    ],
    "phase01": [],
    "wronglock": [(_FIRST, "assert"), (_SECOND, END), (_FIRST, END)],
    "wronglock_3": [(_FIRST, "read = self.value"), (_SECOND, END), (_FIRST, END)],
    "reorder_3": [(_FIRST, "self.b = -1"), (_THIRD, END)],
    "reorder_5": [(_SECOND, "self.b = -1"), ("thread-4", END)],
    "reorder_10": [(_THIRD, "self.b = -1"), ("thread-9", END)],
    "reorder_20": [(_FOURTH, "self.b = -1"), ("thread-19", END)],
    "twostage": [(_FIRST, "with self.second_lock"), (_SECOND, END)],
    "twostage_20": [(_FIRST, "with self.second_lock"), ("thread-19", END)],
    "twostage_50": [(_FIRST, "with self.second_lock"), ("thread-49", END)],
    "circular_buffer": [(_SECOND, "for number"), (_SECOND, "for number"), (_FIRST, END), (_SECOND, END)],
    "queue": [(_SECOND, "for number"), (_SECOND, "for number"), (_FIRST, END), (_SECOND, END)],
    "stack": [(_FIRST, "for number"), (_FIRST, "for number"), (_SECOND, END)],
    "sync02": [],
    "stringbuffer": [("main", "self.copy +="), (_FIRST, "self.append"), ("main", END)],
    "work_steal_queue": [("main", "self.tail = last"), (_FIRST, END), ("main", END)],
    "check_then_submit": [
        (_FIRST, "self.policies.append"),
        (_SECOND, "self.policies.append"),
        (_FIRST, END),
        ("_0", "assert"),
        (_SECOND, END),
        ("_1", END),
    ],
    "iterated_dict": [(_FIRST, "if running:"), (_SECOND, END), (_FIRST, END)],
    "registered_late": [
        (_FIRST, "with self.lock:"),
        ("policy", "for _step"),
        (_SECOND, END),
        ("policy", END),
    ],
    "file_counter": [(_FIRST, "beside.write_text"), (_SECOND, END), (_FIRST, END)],
    "swap_gap": [(_FIRST, 'self.runners["arm"] ='), (_SECOND, END)],
    "missed_notify": [(_FIRST, "with self.changed:"), (_SECOND, END)],
    "window_1000": [(_FIRST, "prepared = 0"), (_SECOND, "after ="), (_FIRST, END), (_SECOND, END)],
}


class Forced:
    """Lets the threads of one program run by a script, one at a time, and then all together."""

    def __init__(self, file: str, script: Sequence[Step]) -> None:
        self._file = file
        self._script = script
        self._changed = threading.Condition()
        self._turn: Step | None = None
        self._free = False
        self._ended: set[str] = set()
        self._depths: dict[str, int] = {}
        self.error: str | None = None
        self.done = False

    def run(self, work: Any) -> str:
        """Returns the name of what was raised, "deadlock", or "nothing"."""
        threading.settrace(self._trace)
        main = threading.Thread(target=self._keep, args=(work,), name="main", daemon=True)
        main.start()
        for step in self._script:
            self._take(step)
        with self._changed:
            self._free = True
            self._changed.notify_all()
        threading.settrace(None)
        return self._outcome(main)

    def _keep(self, work: Any) -> None:
        try:
            work()
        except (AssertionError, RuntimeError) as error:
            self.error = type(error).__name__

    def _take(self, step: Step) -> None:
        with self._changed:
            self._turn = step
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._turn is None, _BOUND):
                raise TimeoutError(f"step {step}: not reached within {_BOUND:g} s")

    def _outcome(self, main: threading.Thread) -> str:
        until, seen, since = time.monotonic() + _BOUND, _places(), time.monotonic()
        while main.is_alive():
            if time.monotonic() > until:
                raise TimeoutError(f"neither done nor still after {_BOUND:g} s")
            main.join(0.02)
            now = _places()
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > _STILL:
                return "deadlock"
        return self.error or "nothing"

    # -- on the program's threads --------------------------------------------------------------------------

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename != self._file or frame.f_code.co_name in ("__init__", "threads", "check"):
            return None
        name = threading.current_thread().name
        self._depths[name] = self._depths.get(name, 0) + 1
        return self._trace_line

    def _trace_line(self, frame: FrameType, event: str, _argument: object) -> Any:
        name = threading.current_thread().name
        if event == "line":
            self._wait_turn(name, linecache.getline(self._file, frame.f_lineno).strip())
        elif event == "return":
            self._depths[name] -= 1
            if not self._depths[name]:
                self._give_back(name)
        return self._trace_line

    def _wait_turn(self, name: str, line: str) -> None:
        arrived = False
        with self._changed:
            while not self._free:
                if self._turn is not None and self._mine(name):
                    if arrived or not self._turn[1] or not line.startswith(self._turn[1]):
                        return
                    arrived = True
                    self._turn = None
                    self._changed.notify_all()
                if not self._changed.wait(_BOUND):
                    raise TimeoutError(f"{name} before {line!r}: no turn within {_BOUND:g} s")

    def _give_back(self, name: str) -> None:
        with self._changed:
            if self._mine(name):
                self._turn = None
                self._changed.notify_all()

    def _mine(self, name: str) -> bool:
        return self._turn is not None and name.endswith(self._turn[0])


def _places() -> dict[int, tuple[int, int]]:
    own = threading.get_ident()
    return {
        ident: (id(frame), frame.f_lasti) for ident, frame in sys._current_frames().items() if ident != own
    }


def outcome(kernel: Kernel) -> str:
    """What comes of the kernel's bug under its schedule."""
    return Forced(kernel.file, SCHEDULES[kernel.name]).run(kernel.buggy.run)


if __name__ == "__main__":
    for name in SCHEDULES:
        sys.stdout.write(json.dumps([name, outcome(KERNELS[name])]) + "\n")
    sys.stdout.flush()
    os._exit(0)  # past the threads that wait for one another
