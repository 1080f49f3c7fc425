"""How soon ``soak.native`` finds two MuJoCo calls that meet in one data, and whether its tokens replay.

A step against a reset, and a step against a recompilation, from twenty seeds each; the tokens are replayed in
a fresh process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import mujoco

from benchmarks.row import Bench, Row, at_worst, row
from soak.schedule import race, replay
from soak.schedule.natives import Overlap
from soak.schedule.result import Result
from soak.targets import mujoco_overlaps

SEEDS, LIMIT = 20, 10
REPLAYING = 120.0  # seconds for a fresh process; a hang, not a speed
_XML = "<mujoco><worldbody><body><freejoint/><geom size='.1'/></body></worldbody></mujoco>"


def measure(bench: Bench) -> list[Row]:
    """Two rows for each of two races."""
    rows: list[Row] = []
    for name, function in RACES.items():
        results = [_found(function, seed) for seed in range(SEEDS)]
        again = _replayed(name, [str(result.token) for result in results])
        firsts = [float(result.first or 0) for result in results]
        share = 100.0 * sum(again) / len(again)
        rows += [
            at_worst(f"{name}: schedules to the overlap", firsts, LIMIT, ""),
            row(
                f"{name}: tokens replayed in a fresh process",
                [share],
                "%",
                target="100 %",
                ok=all(again),
                note=f"{sum(again)} of {len(again)}, with the same trace",
            ),
        ]
    return rows


def step_and_reset() -> None:
    """A data is stepped while another thread resets it."""
    model = mujoco.MjModel.from_xml_string(_XML)
    data = mujoco.MjData(model)
    _together(lambda: mujoco.mj_step(model, data), lambda: mujoco.mj_resetData(model, data))


def step_and_recompile() -> None:
    """A scene is recompiled out of a data that is stepped."""
    spec = mujoco.MjSpec.from_string(_XML)
    model = spec.compile()
    data = mujoco.MjData(model)
    _together(lambda: mujoco.mj_step(model, data), lambda: spec.recompile(model, data))


RACES: dict[str, Callable[[], None]] = {
    "mj_step and mj_resetData": step_and_reset,
    "mj_step and recompile": step_and_recompile,
}


def _together(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _found(function: Callable[[], None], seed: int) -> Result:
    uninstall = mujoco_overlaps.install()
    try:
        result = race(function, seed=seed)
    finally:
        uninstall()
    if not isinstance(result.error, Overlap):
        raise RuntimeError(f"expected an overlap, got {result}")
    return result


def _replayed(name: str, tokens: list[str]) -> list[bool]:
    done = subprocess.run(
        [sys.executable, "-m", __name__, name],
        cwd=Path(__file__).resolve().parents[1],
        input="\n".join(tokens),
        capture_output=True,
        text=True,
        timeout=REPLAYING,
        check=True,
    )
    return [bool(answer) for answer in json.loads(done.stdout)]


def _answer(name: str) -> None:
    """What the fresh process does: replay the tokens of standard input, a line each."""
    mujoco_overlaps.install()
    answers = []
    for token in sys.stdin:
        again = replay(RACES[name], token.strip())
        answers.append(again.found and again.exact is True)
    print(json.dumps(answers))


if __name__ == "__main__":
    _answer(sys.argv[1])
