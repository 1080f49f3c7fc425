"""How a worker's interpreter is entered: ``python -m soak.worker zygote|run|describe|target|installed``."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from soak import events
from soak.worker import load, main, zygote


def _zygote(fd: str, scenario_file: str, name: str, target: str, how: str) -> None:
    control = socket.socket(fileno=int(fd))
    launch = zygote.serve(control, scenario_file, name, target, fresh=how == "fresh")
    if launch is not None:
        main.settle_in(launch.spec, parent=launch.zygote)
        main.run_worker(launch.spec, launch.event_fd, launch.scenario, launch.target)


def _run(spec_file: str, event_fd: str) -> None:
    spec = events.from_plain(events.WorkerSpec, json.loads(Path(spec_file).read_text()))
    main.settle_in(spec)
    scenario, target = load.load(spec.scenario_file, spec.scenario, spec.target)
    main.run_worker(spec, int(event_fd), scenario, target)


def _describe(target: str, *paths: str) -> None:
    """Answer one line per file: its scenarios, as they suit ``target`` if it is named, or what is wrong."""
    try:
        loaded = load.load_target(target) if target else None
    except load.LoadError as error:
        for path in paths:
            _answer({"file": path, "failed": str(error)})
        return
    for path in paths:
        try:
            _answer({"file": path, "scenarios": load.describe(path, loaded)})
        except load.LoadError as error:
            _answer({"file": path, "failed": str(error)})


def _target(import_string: str) -> None:
    """Answer one line: the target's verbs, or why it cannot be loaded."""
    try:
        _answer(load.describe_target(import_string))
    except load.LoadError as error:
        _answer({"target": import_string, "failed": str(error)})


def _installed() -> None:
    """Answer one line per scenario file that an installed package offers."""
    for entry in importlib.metadata.entry_points(group="soak.scenarios"):
        try:
            spec = importlib.util.find_spec(entry.module)
        except Exception as error:  # noqa: BLE001 - a package that was half removed hides no other
            sys.stderr.write(f"soak: entry point {entry.name} leads nowhere: {error!r}\n")
            continue
        if spec is not None and spec.origin is not None:
            _answer({"name": entry.name, "file": spec.origin})


def _answer(record: dict[str, object]) -> None:
    # The mark tells our lines from whatever a scenario file prints when it is imported.
    sys.stdout.write(f"soak-answer {json.dumps(record)}\n")


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {
        "zygote": _zygote,
        "run": _run,
        "describe": _describe,
        "target": _target,
        "installed": _installed,
    }
    commands[sys.argv[1]](*sys.argv[2:])
