"""The child's side of ``soak explore SCENARIO``: loads scenario and target, explores, and tells what came of
it in the stream's own words.

Worker side: standard library only.
"""

from __future__ import annotations

import faulthandler
import importlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from soak import author
from soak.events import PromiseBroken, Raised, encode, to_plain
from soak.schedule.episode import Episode, Unfit, in_words
from soak.schedule.exploration import Exploration
from soak.schedule.natives import Overlap, confirming
from soak.schedule.outcome import Kind
from soak.schedule.result import Result
from soak.schedule.witness import event_of
from soak.worker.frames import error_message, error_name, of_codes
from soak.worker.load import load
from soak.worker.main import prepare_targets

#: What knows a native library's calls, by the library's module. By name, for a worker imports no target.
TABLES = {"mujoco": "soak.targets.mujoco_overlaps"}
FAULT = "fault.txt"


def explore_scene(
    spec: dict[str, Any], folder: Path, note: Callable[[str], None]
) -> tuple[Result, dict[str, Any]]:
    """The result, and what the supervisor files of it.

    Raises:
        LoadError: scenario or target cannot be loaded.
        Unfit: the scenario cannot be explored.
        BadToken: the token is none, or none for this Python and this source.
    """
    fault = (folder / FAULT).open("w")
    faulthandler.enable(fault)
    faulthandler.register(signal.SIGUSR1, fault)
    scenario, target = load(spec["scenario_file"], spec["scenario"], spec["target"])
    tables = [importlib.import_module(table) for library, table in TABLES.items() if library in sys.modules]
    for table in tables:  # before the target's own wrappers, so that these come first
        table.install()
    prepare_targets([target], guard_malloc=False)
    for table in tables if confirming() else ():
        table.let_pass()
    episode = Episode(scenario, target, folder, seed=spec["seed"])
    author.set_witness(episode.witness)
    limits = {name: spec[name] for name in ("steps", "stall") if name in spec}
    exploration = Exploration(episode, spec["switch_at"] or None, before=note, **limits)
    result = exploration.replay(spec["token"]) if spec["token"] else exploration.run(spec["schedules"])
    if isinstance(result.error, Unfit):
        raise result.error
    overlaps = {Overlap.__name__, *(promise for table in tables for promise in table.OVERLAPS)}
    overlap = getattr(result.error, "promise", type(result.error).__name__) in overlaps
    return result, told(episode, result) | {"overlap": overlap}


def told(episode: Episode, result: Result) -> dict[str, Any]:
    """What goes beside the result: the event of a failure or where everybody stands, and what was done."""
    witness = episode.witness
    record: dict[str, Any] = {
        "left_out": list(episode.left_out),
        "work": in_words(episode) if result.found else [],
        "seen": [text for number, text in enumerate(episode.scenario.sometimes) if number in witness.marks],
        "said": sorted(witness.notes),
        "event": None,
        "halted": [],
        "phase": witness.phase.value,
    }
    if not result.found:
        return record
    if result.kind is Kind.DEADLOCK:
        record["halted"] = [
            {
                "thread": stack.thread,
                "doing": witness.doing(stack.thread),
                "frames": to_plain(of_codes(stack.frames)),
            }
            for stack in result.stacks
        ]
    else:
        record["event"] = encode(_event(witness.event, result.error)).decode()
    return record


def _event(told: PromiseBroken | Raised | None, error: BaseException | None) -> PromiseBroken | Raised:
    """What the witness told of this very failure; what ends a thread of the target's own it never sees."""
    assert error is not None
    match told:
        case PromiseBroken() if told.promise == getattr(error, "promise", None):
            return told
        case Raised() if told.error == error_name(error) and told.message == error_message(error):
            return told
        case _:
            return event_of(error)
