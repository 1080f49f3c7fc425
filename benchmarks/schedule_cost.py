"""What it costs a loop of real ``mj_step`` calls to be watched: by the schedules' model mode on one thread,
by the noise of ``soak run --perturb light``; and what it costs code that is nobody's target.

The loop in ``stepping`` is the target. It is run plainly and watched by turns, for a shared machine is a
quarter slower in one second than in the next; a ratio is of what many short turns took. Processor time of the
loop's thread counts, for the clock measures the others too; but noise is sleep, so the clock counts there.
Noise is for policies that run for seconds, and costs most at their beginning: its loop is that long. Three
worlds, from one whose step takes little more than a line's event to one that is worth stepping.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any

import mujoco

from benchmarks import bystander, stepping
from benchmarks.row import Bench, Row, at_most, row
from benchmarks.slices import Slices
from soak.schedule.stage import Stage
from soak.schedule.strategies import Follow
from soak.schedule.target import Target
from soak.worker.perturb import Files, Perturber

TURNS, LONG_TURNS = 7, 31
SECONDS = 0.05  # of processor time, for the plain loop of a turn
PARTS = 5  # of it, each in a schedule of its own
SLICES = 60  # of that length, where noise is measured: 3 s, while scenarios run policies for five
MODEL_LIMIT, LIGHT_LIMIT, ELSEWHERE_LIMIT = 2.0, 1.1, 1.05
ENDLESS = 10**9

#: Links of a swinging chain, and loose boxes on a floor.
WORLDS = {"a pendulum": (1, 0), "an arm of seven links": (7, 0), "forty boxes": (0, 40)}

Loop = Callable[[int], None]


def measure(bench: Bench) -> list[Row]:
    """Two rows for each world, and one for the code that is nobody's target."""
    turns = LONG_TURNS if bench.long else TURNS
    rows: list[Row] = []
    for name, world in WORLDS.items():
        rows += _world(name, *_build(*world), turns)
    return [*rows, _elsewhere(3 * turns)]


def _world(name: str, model: Any, data: Any, turns: int) -> list[Row]:
    loop = functools.partial(stepping.steps, model, data)
    count = _count(loop)
    plain = _in_thread(loop, count) / count * 1e6
    controlled = _ratios(loop, count, turns)
    light = [_noisy(model, data, count, turn) for turn in range(turns)]
    note = f"a step and its line take {plain:.1f} µs by themselves"
    return [
        at_most(f"{name}, stepped in model mode on one thread", controlled, MODEL_LIMIT, "times", note=note),
        at_most(f"{name}, stepped under light noise", light, LIGHT_LIMIT, "times", note="by the clock"),
    ]


def _elsewhere(turns: int) -> Row:
    count = _count(bystander.work)
    ratios = _ratios(bystander.work, count, turns)
    note = "pure Python in another file"
    if not hasattr(sys, "monitoring"):  # before 3.12 every call is looked at
        return row("code that is not the target's, in model mode", ratios, "times", note=note)
    what = "code that is not the target's, in model mode"
    return at_most(what, ratios, ELSEWHERE_LIMIT, "times", note=f"{note}; to be 1.0 but for noise")


def _ratios(loop: Loop, count: int, turns: int) -> list[float]:
    return [_ratio(loop, count // PARTS + 1) for _ in range(turns)]


def _ratio(loop: Loop, count: int) -> float:
    """In model mode against plainly, a part of each after the other."""
    parts = [(_in_thread(loop, count), _controlled(loop, count)) for _ in range(2 * PARTS)]
    return sum(watched for _, watched in parts) / sum(plain for plain, _ in parts)


def _controlled(loop: Loop, count: int) -> float:
    """As the only thread of a schedule. The schedule's own beginning and end are not counted."""
    took: list[float] = []

    def run() -> None:
        began = time.thread_time()
        loop(count)
        took.append(time.thread_time() - began)

    with Stage(run, Target.of([stepping.__file__], run), seed=0) as stage:
        conductor = stage.run(Follow(), limit=ENDLESS)
    if conductor.over is None or conductor.over.failure is not None or not took:
        raise RuntimeError(f"expected a schedule that ends well, got {conductor.over}")
    return took[0]


def _noisy(model: Any, data: Any, count: int, turn: int) -> float:
    """The loop under light noise against the same code as nobody's target, slice by slice."""
    code = stepping.steps.__code__.replace(co_filename="nobody's target")
    plain = Slices(functools.partial(types.FunctionType(code, vars(stepping)), model, data, count))
    perturber = Perturber("light", Files(files=frozenset({stepping.__file__})), clock=lambda: noisy.clock())
    perturber.install()
    try:
        perturber.activate(f"benchmark:{turn}")
        noisy = Slices(functools.partial(stepping.steps, model, data, count))
        for _ in range(SLICES):
            plain.slice()
            noisy.slice()
    finally:
        perturber.remove()
    return noisy.spent / plain.spent


def _in_thread(loop: Loop, count: int) -> float:
    """Processor time of the loop."""
    took: list[float] = []

    def run() -> None:
        began = time.thread_time()
        loop(count)
        took.append(time.thread_time() - began)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return took[0]


def _count(loop: Loop) -> int:
    """So many that a plain turn takes its time."""
    count = 100
    while (took := _in_thread(loop, count)) < SECONDS:
        count = int(count * min(10.0, 1.2 * SECONDS / took)) + 1
    return count


def _build(links: int, boxes: int) -> tuple[Any, Any]:
    inner = ""
    for _ in range(links):
        inner = (
            "<body pos='0 0 .2'><joint type='hinge' axis='0 1 0' damping='.1'/>"
            f"<geom type='capsule' fromto='0 0 0 0 0 .2' size='.02'/>{inner}</body>"
        )
    loose = "".join(
        f"<body pos='{number % 7 - 3} {number // 7 - 3} .1'><freejoint/>"
        "<geom type='box' size='.1 .1 .1'/></body>"
        for number in range(boxes)
    )
    floor = "<geom type='plane' size='9 9 .1'/>" if boxes else ""
    model = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{floor}{inner}{loose}</worldbody></mujoco>")
    return model, mujoco.MjData(model)
