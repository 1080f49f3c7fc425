"""From the words on the command line to scenarios, as the worker's own interpreter describes them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak import catalogue
from soak.cli.exits import MachineProblem, UsageProblem
from soak.supervisor.interpreter import Interpreter, InterpreterError
from soak.supervisor.plan import Entry, base_environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A scenario, or operations of one, that this machine or the target at hand cannot run."""

    name: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a run works on, and what it leaves out."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]


def select(words: Sequence[str], interpreter: Interpreter, target: str = "") -> Selection:
    """The scenarios that ``words`` name (all built-in ones for none): by name, or by a file's path, which
    stands for all scenarios in it, or ``FILE::NAME`` for one. What cannot use ``target`` is skipped.

    Raises:
        UsageProblem: one is unknown, or its file or the target is wrong.
        MachineProblem: the interpreter cannot describe them.
    """
    wanted = [_file_of(word, interpreter) for word in words or catalogue.built_in_files()]
    described = _describe(list(dict.fromkeys(file for file, _name in wanted)), interpreter, target)
    chosen: dict[tuple[Path, str], dict[str, Any]] = {}
    for file, name in wanted:
        records = [record for record in described[file] if not name or record["name"] == name]
        if not records:
            known = ", ".join(record["name"] for record in described[file])
            raise UsageProblem(f"{file} has no scenario {name!r}; it has {known}")
        chosen |= {(file, record["name"]): record for record in records}
    entries = {key: _entry(key[0], record) for key, record in chosen.items() if not record["skip"]}
    _refuse_namesakes(entries)
    skipped = [
        Skipped(name=record["name"], **record["skip"])
        for record in chosen.values()
        if record["skip"] and (words or not record["other_kind"])
    ]
    skipped += [] if words else _of_other_kinds(chosen.values(), target)
    skipped += _left_out(record for record in chosen.values() if not record["skip"])
    return Selection(entries=tuple(entries.values()), skipped=tuple(skipped))


def _refuse_namesakes(entries: Iterable[tuple[Path, str]]) -> None:
    """Reports, logs and findings go by a scenario's name: two of one name would be mixed up."""
    file_of: dict[str, Path] = {}
    for file, name in entries:
        other = file_of.setdefault(name, file)
        if other != file:
            raise UsageProblem(
                f"two scenarios are named {name!r}, in {other} and in {file}; rename one of them, "
                "or run them one after the other"
            )


def _file_of(word: str, interpreter: Interpreter) -> tuple[Path, str]:
    if catalogue.looks_like_path(word.partition("::")[0]):
        path, _, name = word.partition("::")
        return Path(path).resolve(), name
    known = catalogue.built_in_files()
    if word in known:
        return known[word], ""
    installed = interpreter.installed_scenarios(base_environment(interpreter.python_path))
    if word in installed:
        return installed[word], ""
    names = ", ".join([*known, *installed])
    raise UsageProblem(
        f"unknown scenario {word!r}; expected one of {names}, "
        f"or the path of a file, like my_scenarios/{word}.py"
    )


def _left_out(records: Iterable[dict[str, Any]]) -> list[Skipped]:
    """The operations that the target has no verb for, by the verb."""
    without: dict[tuple[str, str], dict[str, list[str]]] = {}
    for record in records:
        for left in record["left"]:
            scenarios = without.setdefault((left["verb"], left["remedy"]), {})
            scenarios.setdefault(record["name"], []).append(left["operation"])
    return [
        Skipped(
            name=", ".join(f"{name} ({', '.join(operations)})" for name, operations in scenarios.items()),
            reason=f"the target has no {verb}",
            remedy=remedy,
        )
        for (verb, remedy), scenarios in without.items()
    ]


def _of_other_kinds(records: Iterable[dict[str, Any]], target: str) -> list[Skipped]:
    """The scenarios that nobody asked for by name, and that take targets of other kinds: one line for all."""
    names = [record["name"] for record in records if record["other_kind"]]
    reason = "they soak targets of other kinds"
    remedy = f"soak show --target {shlex.quote(target)}"
    return [Skipped(name=", ".join(names), reason=reason, remedy=remedy)] if names else []


def _describe(files: list[Path], interpreter: Interpreter, target: str) -> dict[Path, list[dict[str, Any]]]:
    try:
        records = interpreter.describe(files, base_environment(interpreter.python_path), target)
    except InterpreterError as error:
        if target:  # importing it ended the process, most likely
            raise UsageProblem(f"--target {target}: {error}") from error
        raise MachineProblem(str(error)) from error
    for record in records:
        if "failed" in record:
            raise UsageProblem(record["failed"])
    return {Path(record["file"]): record["scenarios"] for record in records}


def _entry(file: Path, record: dict[str, Any]) -> Entry:
    return Entry(
        name=record["name"],
        file=file,
        summary=record["summary"],
        seconds=record["seconds"],
        fresh=record["fresh"],
        real_exit=record["real_exit"],
        sometimes=tuple(record["sometimes"]),
        target=record["target"] or "",
        hang_after=record["hang_after"],
        env=record["env"],
        waived=tuple(record["waived"]),
    )
