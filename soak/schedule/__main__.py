"""The child process of ``soak explore``: ``python -m soak.schedule SPEC FOLDER``.

SPEC is a JSON object, with a ``scenario`` and its file, or a ``function`` and its. FOLDER gets
``token.txt``, the token of the schedule that runs, written before it does, so that it outlives a crash; and
at the end ``result.json``. With ``freeze``, the arguments of a :class:`soak.schedule.freeze.Freezer`, the two
calls of an overlap do meet; ``met.txt`` says so, just before it.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import importlib.util
import json
import operator
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from soak.author import Scenario, ScenarioBuilder
from soak.schedule import BadToken, Overlap, race, replay
from soak.schedule.episode import Unfit
from soak.schedule.freeze import Freezer
from soak.schedule.natives import confirmed_by
from soak.schedule.result import Result
from soak.schedule.scene import explore_scene
from soak.worker.load import LoadError

TOKEN, MET = "token.txt", "met.txt"


def main(spec: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Explore, or replay, and return what goes into ``result.json``."""
    if "freeze" not in spec:
        return explore(spec, folder)
    with Freezer(lambda words: note(folder / MET, words), **spec["freeze"]) as freezer, confirmed_by(freezer):
        return explore(spec, folder) | {"missing": freezer.missing}


def explore(spec: dict[str, Any], folder: Path) -> dict[str, Any]:
    """As :func:`main`, whatever the two calls of an overlap do."""
    try:
        if "scenario" in spec:
            result, told = explore_scene(spec, folder, lambda token: note(folder / TOKEN, token))
            return plain(result) | told
        function = load(spec["file"], spec["function"])
        limits = {name: spec[name] for name in ("steps", "stall") if name in spec}
        if spec["token"]:
            note(folder / TOKEN, spec["token"])
            return plain(replay(function, spec["token"], **limits))
        result = race(
            function,
            target=spec["switch_at"] or None,
            schedules=spec["schedules"],
            seed=spec["seed"],
            **limits,
            before=lambda token: note(folder / TOKEN, token),
        )
        return plain(result)
    except _IsScenario:
        return {"is_scenario": True}
    except (LoadError, Unfit, BadToken) as error:
        return {"failed": str(error)}


class _IsScenario(Exception):
    """What was taken for a function is a scenario."""


def load(file: str, name: str) -> Callable[[], Any]:
    """The function of a file, imported as a script's neighbour would import it. Raises ``LoadError``."""
    path = Path(file).resolve()
    if not path.is_file():
        raise LoadError(f"expected FILE::function, but there is no file {file}")
    sys.path.insert(0, str(path.parent))
    module_name = path.stem if path.stem not in sys.modules else f"explored_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{file}: expected a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        traceback.print_exc()
        raise LoadError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    try:
        function = operator.attrgetter(name)(module)
    except AttributeError:
        if name in (
            value.freeze().name for value in vars(module).values() if isinstance(value, ScenarioBuilder)
        ):
            raise _IsScenario from None
        known = ", ".join(key for key, value in vars(module).items() if callable(value)) or "none"
        raise LoadError(f"{file}: expected a function {name!r}; it has: {known}") from None
    if isinstance(function, Scenario | ScenarioBuilder):
        raise _IsScenario
    if not callable(function):
        raise LoadError(f"{file}: {name} cannot be called; name a function without arguments")
    return function  # type: ignore[no-any-return]


def note(path: Path, words: str) -> None:
    """Put a line on disk; the page cache keeps it when this process dies."""
    data = f"{words}\n".encode()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(handle, data, 0)
        os.ftruncate(handle, len(data))
    finally:
        os.close(handle)


def plain(result: Result) -> dict[str, Any]:
    """The result as JSON takes it."""
    record = dataclasses.asdict(dataclasses.replace(result, error=None, face=None, stacks=()))
    for name in ("error", "face", "stacks"):
        del record[name]
    record["kind"] = result.kind.value if result.kind is not None else None
    record["overlap"] = isinstance(result.error, Overlap)
    record["text"] = str(result)
    return record


if __name__ == "__main__":
    faulthandler.enable()
    here = Path(sys.argv[2])
    answer = json.dumps(main(json.loads(sys.argv[1]), here))
    beside = here / "result.tmp"
    beside.write_text(answer)
    beside.replace(here / "result.json")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a thread that would not end its schedule keeps nobody waiting
