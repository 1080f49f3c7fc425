"""``soak show --target``: which verbs a target has, and which scenarios can use it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from soak import catalogue
from soak.cli.exits import Exit, MachineProblem, UsageProblem
from soak.cli.session import answer
from soak.supervisor.interpreter import InterpreterError, find_interpreter
from soak.supervisor.plan import base_environment

_UNKNOWN = "its verbs cannot be known before it is made: name the class instead"
_NONE = "it declares no verbs: scenarios that name their own target's verbs cannot use it"


def show_target(target: str, *, python: str, as_json: bool) -> int:
    """Print the target's verbs and the scenarios, as the workers' interpreter finds them.

    Raises:
        UsageProblem: no target is named, or there is none of that name.
        MachineProblem: the interpreter cannot say.
    """
    if not target:
        raise UsageProblem("which target? Name it: soak show --target mypkg.sim:Simulation")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            interpreter = find_interpreter(python, Path(folder))
            environment = base_environment(interpreter.python_path)
            record = interpreter.describe_target(target, environment)
            if "failed" in record:
                raise UsageProblem(record["failed"])
            installed = interpreter.installed_scenarios(environment)
            files = [*catalogue.built_in_files().values(), *installed.values()]
            described = interpreter.describe(files, environment, target)
        except InterpreterError as error:
            raise MachineProblem(str(error)) from error
    scenarios = [each for file in described for each in file.get("scenarios", ())]
    answer(json.dumps({**record, "scenarios": scenarios}, indent=2) if as_json else _text(record, scenarios))
    return Exit.CLEAN


def _text(record: dict[str, Any], scenarios: list[dict[str, Any]]) -> str:
    lines = [record["target"], "", "Verbs:"]
    verbs = record["verbs"]
    if not verbs:
        lines.append(f"  {_UNKNOWN if verbs is None else _NONE}")
    else:
        lines += _columns([(name, f"no: {remedy}" if remedy else "yes") for name, remedy in verbs.items()])
    lines += ["", "Scenarios:"]
    lines += _columns([(each["name"], _fit(each)) for each in scenarios])
    return "\n".join(lines)


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _text in rows), default=0)
    return [f"  {name:<{width}}  {text}" for name, text in rows]


def _fit(scenario: dict[str, Any]) -> str:
    if scenario["skip"]:
        return f"no: {scenario['skip']['reason']}"
    left = [f"{each['operation']} ({each['verb']})" for each in scenario["left"]]
    return f"yes, without {', '.join(left)}" if left else "yes"
