"""``soak list``: the scenarios, built-in and installed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from soak import catalogue
from soak.cli.exits import Exit, MachineProblem
from soak.cli.session import answer
from soak.supervisor.interpreter import InterpreterError, find_interpreter
from soak.supervisor.plan import base_environment


def list_scenarios(*, python: str, as_json: bool) -> int:
    """Print a line per scenario; a file that cannot be read is listed with the reason."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            interpreter = find_interpreter(python, Path(folder))
            environment = base_environment(interpreter.python_path)
            installed = interpreter.installed_scenarios(environment)
            files = [*catalogue.built_in_files().values(), *installed.values()]
            records = interpreter.describe(files, environment)
        except InterpreterError as error:
            raise MachineProblem(str(error)) from error
    if as_json:
        answer(json.dumps(records, indent=2))
        return Exit.CLEAN
    rows = [row for record in records for row in _rows(record)]
    width = max((len(name) for name, _text in rows), default=0)
    answer("\n".join(f"{name:<{width}}  {text}" for name, text in rows))
    return Exit.CLEAN


def _rows(record: dict[str, object]) -> list[tuple[str, str]]:
    if "failed" in record:
        return [(Path(str(record["file"])).stem, f"cannot be read: {record['failed']}")]
    scenarios = record["scenarios"]
    assert isinstance(scenarios, list)
    return [(item["name"], item["summary"] + _skip_text(item["skip"])) for item in scenarios]


def _skip_text(skip: dict[str, str] | None) -> str:
    return f" [skipped here: {skip['reason']}; {skip['remedy']}]" if skip else ""
