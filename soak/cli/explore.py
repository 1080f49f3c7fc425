"""``soak explore``: search the schedules of a function's threads for one that fails, in a child process."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soak.cli.exits import Exit, UsageProblem
from soak.cli.session import answer, interpreter_of, locked, say
from soak.supervisor.exploration import Explored, explore_in_child


def explore(
    function: str,
    *,
    switch_at: Sequence[str],
    schedules: int,
    seed: int,
    token: str,
    python: str,
    out: Path,
    hang_after: float,
    wait: float,
    as_json: bool,
) -> int:
    """Exit code 1 when a schedule failed, 0 when none did, 5 when that proves nothing."""
    file, separator, name = function.rpartition("::")
    if not separator or not name:
        raise UsageProblem(f"expected FILE::function, got {function!r}")
    spec = {
        "file": str(Path(file).resolve()),
        "function": name,
        "switch_at": [_existing(path) for path in switch_at],
        "schedules": schedules,
        "seed": seed,
        "token": token,
    }
    with locked(out, wait):
        interpreter = interpreter_of(python, out)
        explored = explore_in_child(interpreter, spec, out / "explore", hang_after=hang_after)
    record = _record(explored, hang_after)
    if "failed" in record:
        raise UsageProblem(record["failed"])
    if record["found"]:
        record["replay"] = _replay(function, record["token"], python)
    _report(record, as_json=as_json)
    if record["found"]:
        return Exit.FINDINGS
    return Exit.UNPROVEN if record["unproven"] else Exit.CLEAN


def _record(explored: Explored, hang_after: float) -> dict[str, Any]:
    """The child's own record, or one for a child that died."""
    if explored.record is not None:
        return explored.record
    if explored.hung:
        kind, words = "hang", f"no schedule ended within {hang_after:g} s"
    elif explored.signal:
        kind, words = "crash", f"the process died of {_signal_name(explored.signal)}"
    else:
        kind, words = "exit", f"the process ended with exit code {explored.exit_code}"
    if not explored.token:
        raise UsageProblem(f"{words} before any schedule: importing the file must leave it alive")
    text = f"{words} in the schedule of this token"
    return {
        "found": True,
        "kind": kind,
        "words": words,
        "token": explored.token,
        "text": text,
        "unproven": None,
    }


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _existing(path: str) -> str:
    # A filter that matches no file is seen by the child, which says what came of it; the path is made
    # absolute here, for the child may be started elsewhere.
    return str(Path(path).resolve()) if Path(path).exists() else path


def _replay(function: str, token: str, python: str) -> str:
    other = ["--python", python] if python else []
    return shlex.join(["soak", "explore", function, "--token", token, *other])


def _report(record: dict[str, Any], *, as_json: bool) -> None:
    text = "\n".join(line for line in record["text"].splitlines() if not line.startswith("replay: "))
    if record["found"]:
        text += f"\n{record['replay']}"
    if as_json:
        answer(json.dumps({key: value for key, value in record.items() if key != "text"}, indent=2))
        say(text)
    else:
        answer(text)
    sys.stdout.flush()
