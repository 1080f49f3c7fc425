"""How soon a history is decided: whether some order of ten thousand overlapping calls explains every reply.

Each history comes from a register that eight threads really share, in simulated time: a call takes effect at
one moment inside of it, so that an order exists; a stale read in the last tenth makes one that has none.
"""

from __future__ import annotations

import heapq
import random
import time
from typing import Any

from benchmarks.row import Bench, Row, at_most, row
from soak.history import Call, Model
from soak.linearize import Decided, decide
from soak.models import DONE, register
from soak.shortest import shorten

CALLS, THREADS, KEYS = 10_000, 8, 10
RUNS, LIMIT_S = 7, 5.0


def measure(bench: Bench) -> list[Row]:
    """Seven histories of each sort."""
    model = register(0)
    fine, stale, shown, one_key = [], [], [], []
    for seed in range(RUNS):
        fine.append(_seconds(model, _history(seed, KEYS), linearizable=True)[0])
        one_key.append(_seconds(model, _history(seed, 1), linearizable=True)[0])
        took, outcome = _seconds(model, _history(seed, KEYS, stale=True), linearizable=False)
        stale.append(took)
        assert outcome.stuck is not None
        began = time.monotonic()
        shorten(model, outcome.stuck)
        shown.append(time.monotonic() - began)
    what = f"{CALLS:,} calls of {THREADS} threads over {KEYS} keys"
    return [
        at_most(f"{what}, decided", fine, LIMIT_S, "s"),
        at_most("the same with one stale read, decided", stale, LIMIT_S, "s"),
        row("its shortest part", shown, "s", note="what no order explains"),
        row("the calls over one key, decided", one_key, "s", note="eight threads inside at any time"),
    ]


def _seconds(model: Model, calls: list[Call], *, linearizable: bool) -> tuple[float, Decided]:
    began = time.monotonic()
    outcome = decide(model, calls, seconds=60.0)
    took = time.monotonic() - began
    if not isinstance(outcome, Decided) or outcome.linearizable != linearizable:
        raise RuntimeError(f"expected a history that is linearizable: {linearizable}, got {outcome}")
    return took, outcome


def _history(seed: int, keys: int, *, stale: bool = False) -> list[Call]:
    """Half of the calls set, half of them get; at ``stale``, one returns what had been replaced for good."""
    rng = random.Random(seed)
    calls: list[Call] = []
    operation: str
    argument: Any
    reply: Any
    now, before, settled = [0] * keys, [0] * keys, [0] * keys
    for index, (_effect, began, ended, thread) in enumerate(_times(rng)):
        key = rng.randrange(keys)
        operation, argument, reply = "get", None, now[key]
        if rng.random() < 0.5:
            operation, argument, reply = "set", index + 1, DONE
            before[key], now[key], settled[key] = now[key], index + 1, ended
        elif stale and index > 0.9 * CALLS and settled[key] < began:
            stale, reply = False, before[key]
        calls.append(
            Call(
                who=f"thread-{thread}",
                key=key,
                operation=operation,
                argument=argument,
                reply=reply,
                began=began,
                ended=ended,
            )
        )
    return calls


def _times(rng: random.Random) -> list[tuple[int, int, int, int]]:
    """When calls take effect, begin and end, by their effect; each thread's follow one another."""
    times = []
    free = [(rng.randrange(1000), thread) for thread in range(THREADS)]
    for _ in range(CALLS):
        at, thread = heapq.heappop(free)
        began = at + rng.randrange(1, 50)
        ended = began + rng.randrange(10, 1000)
        times.append((rng.randrange(began, ended), began, ended, thread))
        heapq.heappush(free, (ended, thread))
    return sorted(times)
