"""A scenario's iterations without the harness: its threads call its operations, and count. Prints one line.

``python -m benchmarks.bare_loop FILE SCENARIO SEED``: the same choices from the same seed as a worker's,
but no flight file, no witness, no supervisor.
"""

from __future__ import annotations

import bisect
import itertools
import json
import random
import sys
import threading
import time
from typing import Any

from soak.author import Operation, Scenario
from soak.worker.crew import teams
from soak.worker.load import load_scenario, load_target


def run_bare(scenario: Scenario, seed: int) -> tuple[int, float]:
    """One iteration; returns its operations, and the seconds that its threads had for them."""
    rng = random.Random(f"{seed}:{scenario.name}:0")
    target = load_target(scenario.target) if scenario.target else None
    course = scenario.set_up(target, random.Random(rng.getrandbits(64)))
    state = next(course)
    counts: list[int] = []
    go = threading.Event()
    deadline = [0.0]

    def work(operations: tuple[Operation, ...], own: random.Random) -> None:
        go.wait()
        counts.append(_loop(operations, state, own, deadline[0]))

    threads = [
        threading.Thread(target=work, args=(operations, random.Random(rng.getrandbits(64))))
        for _name, operations, count in teams(scenario)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    deadline[0] = began + scenario.seconds
    go.set()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    next(course, None)
    return sum(counts), took


def _loop(operations: tuple[Operation, ...], state: Any, rng: random.Random, deadline: float) -> int:
    weights = list(itertools.accumulate(operation.weight for operation in operations))
    only = operations[0] if len(operations) == 1 else None
    done = 0
    while time.monotonic() < deadline:
        operation = only or operations[bisect.bisect_right(weights, rng.random() * weights[-1])]
        try:  # noqa: SIM105 - the harness has a plain `try` here, too
            operation.call(state, rng)
        except operation.expects:
            pass
        done += 1
    return done


if __name__ == "__main__":
    operations, seconds = run_bare(load_scenario(sys.argv[1], sys.argv[2]), int(sys.argv[3]))
    print(json.dumps({"operations": operations, "seconds": seconds}))
