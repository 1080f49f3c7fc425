"""``soak explore``: search the schedules of a scenario's or a function's threads for one that fails.

A child process does it, for schedules may kill."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak import catalogue
from soak.cli.exits import Exit, MachineProblem, UsageProblem
from soak.cli.explore_scenario import Subject, exploring
from soak.cli.recall import check
from soak.cli.run import RunOptions, code_of, document_of, soaked, words_of
from soak.cli.selection import Skipped, select
from soak.cli.session import answer, interpreter_of, locked, say
from soak.detect.words import printable
from soak.events import Verdict, to_plain
from soak.report.rows import FindingRow
from soak.report.verdict import repro_line
from soak.supervisor.confirmation import HANG_AFTER, TRIES, Confirmation, confirm
from soak.supervisor.exploration import Explored, explore_in_child
from soak.supervisor.explored import CONFIRMED
from soak.supervisor.interpreter import Interpreter

SCHEDULES, SCENARIO_SCHEDULES = 500, 1000
"""How many are tried at most, of a function and of a scenario, where nobody says."""
SOAK_S = 30.0
"""Seconds of the soak that takes over where schedules are not in control."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreOptions:
    """The command line of ``soak explore``."""

    what: str
    target: str = ""
    switch_at: tuple[str, ...] = ()
    schedules: int | None = None
    seed: int = 0
    token: str = ""
    steps: int | None = None
    stall: float | None = None
    python: str = ""
    out: Path = Path(".soak")
    hang_after: float = 60.0
    wait: float = 0.0
    db: str = ""
    soak: float = SOAK_S
    confirm: int = TRIES
    as_json: bool = False


def explore(options: ExploreOptions) -> int:
    """Exit code 1 when a schedule failed, 0 when none did, 5 when that proves nothing; or that of the soak
    that takes over where a scenario's threads or locks cannot be controlled."""
    check(options.out, options.db)
    with locked(options.out, options.wait):
        interpreter = interpreter_of(options.python, options.out)
        if _names_function(options):
            record = _function(options, interpreter)
            if not record.get("is_scenario"):
                return _tell(record, as_json=options.as_json)
        record, word = _scenario(options, interpreter)
    if record.get("uncontrolled") and not record["found"] and options.soak:
        return _take_over(record, options, word)
    return _tell(record, as_json=options.as_json)


def _take_over(record: dict[str, Any], options: ExploreOptions, word: str) -> int:
    """Where schedules are not in control, chance is: a soak of the same scenario under heavy noise."""
    why = f"schedules are not in control here; a soak under heavy noise takes over, for {options.soak:g} s"
    (say if options.as_json else answer)(f"{record['text']}\n{why}\n")
    done = soaked(
        RunOptions(
            scenarios=(word,),
            minutes=options.soak / 60,
            seed=options.seed,
            target=options.target,
            python=options.python,
            out=options.out,
            perturb="heavy",
            wait=options.wait,
            db=options.db,
            as_json=options.as_json,
        )
    )
    if options.as_json:
        plain = {key: value for key, value in record.items() if key != "text"}
        answer(json.dumps(plain | {"soak": document_of(done)}, indent=2))
        say(words_of(done))
    else:
        answer(words_of(done))
    return code_of(done)


def _names_function(options: ExploreOptions) -> bool:
    """Whether it has the shape of one; a scenario's may be the same, which its file tells."""
    file, separator, name = options.what.rpartition("::")
    if separator and not (file and name):
        raise UsageProblem(f"expected SCENARIO or FILE::function, got {options.what!r}")
    return bool(separator) and not options.target


def _tell(record: dict[str, Any], *, as_json: bool) -> int:
    _report(record, as_json=as_json)
    if record["found"]:
        return Exit.FINDINGS
    return Exit.UNPROVEN if record["unproven"] else Exit.CLEAN


# -- a function ----------------------------------------------------------------------------------------------


def _function(options: ExploreOptions, interpreter: Interpreter) -> dict[str, Any]:
    file, _, name = options.what.rpartition("::")
    spec = {
        "file": str(Path(file).resolve()),
        "function": name,
        "switch_at": [_existing(path) for path in options.switch_at],
        "schedules": options.schedules or SCHEDULES,
        "seed": options.seed,
        "token": options.token,
        **_limits(options),
    }
    explored = explore_in_child(interpreter, spec, options.out / "explore", hang_after=options.hang_after)
    record = _record(explored, options.hang_after)
    if "failed" in record:
        raise UsageProblem(record["failed"])
    if record.get("found"):
        record["replay"] = _replay(options, record["token"])
    if record.get("overlap") and options.confirm:
        _confirm(options, interpreter, spec, record)
    return record


def _confirm(
    options: ExploreOptions, interpreter: Interpreter, spec: dict[str, Any], record: dict[str, Any]
) -> None:
    """Have the two calls of an overlap meet. What a child says when it dies of that is kept in a file."""
    folder = options.out / "explore" / "confirm"
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / "stderr.txt"

    def child(more: Mapping[str, Any]) -> Explored:
        with said.open("wb") as output:
            return explore_in_child(
                interpreter, {**spec, **more}, folder, hang_after=HANG_AFTER, output=output
            )

    _add(confirm(child, record["token"], options.confirm), str(said), record)


def _add(told: Confirmation, stacks: str, record: dict[str, Any]) -> None:
    record["confirmed"] = to_plain(told)
    record["text"] += f"\n{told.in_words()}" + (f"; stacks in {stacks}" if told.death else "")


# -- a scenario ----------------------------------------------------------------------------------------------


def _scenario(options: ExploreOptions, interpreter: Interpreter) -> tuple[dict[str, Any], str]:
    """What came of it, and the word that names the scenario to a command."""
    subject, skipped = _subject(options, interpreter)
    schedules = options.schedules or SCENARIO_SCHEDULES
    spec = {
        "target": options.target,
        "switch_at": [_existing(path) for path in options.switch_at],
        "schedules": schedules,
        "seed": options.seed,
        "token": options.token,
        **_limits(options),
    }
    with exploring(subject, count=schedules, skipped=skipped) as course:
        explored, found = course.child(spec)
        record = _record(explored, options.hang_after)
        if record.get("overlap") and found and options.confirm:
            told = course.confirm(found[0], spec, record["token"], options.confirm)
            _add(told, f"{CONFIRMED} of its evidence", record)
        verdict = Verdict.UNPROVEN if record["unproven"] else Verdict.CLEAN
        course.settle(Verdict.FINDINGS if found else verdict, record["unproven"] or "explored")
    rows = list(course.progress.findings.values())
    record["findings"] = [row.id for row in rows]
    lines = [line for row in rows for line in _finding_lines(row, options.out)]
    record["text"] = "\n".join([*_scenario_text(record, subject), *lines])
    record["replay"] = ""
    return record, _word(subject)


def _subject(options: ExploreOptions, interpreter: Interpreter) -> tuple[Subject, Sequence[Skipped]]:
    try:
        selection = select([options.what], interpreter, options.target)
    except UsageProblem as problem:
        if "::" in options.what or not catalogue.looks_like_path(options.what):
            raise
        raise UsageProblem(f"{problem}; or name one of its functions, as FILE::function") from problem
    if not selection.entries:
        skip = selection.skipped[0]
        raise MachineProblem(f"{skip.name} cannot run here: {skip.reason}; {skip.remedy}")
    if len(selection.entries) > 1:
        names = ", ".join(entry.name for entry in selection.entries)
        raise UsageProblem(f"expected one scenario, {options.what} has {names}; name one as FILE::NAME")
    subject = Subject(
        entry=selection.entries[0],
        interpreter=interpreter,
        out=options.out,
        target=options.target,
        python=options.python,
        seed=options.seed,
        hang_after=options.hang_after,
        db=options.db,
    )
    return subject, selection.skipped


def _scenario_text(record: dict[str, Any], subject: Subject) -> list[str]:
    """What a scenario's schedules showed: the story, the threads' calls, what was left out."""
    lines = [line for line in record["text"].splitlines() if not line.startswith("replay: ")]
    if record.get("work"):
        lines += ["", "threads, and what they called:", *(f"  {words}" for words in record["work"]), ""]
    expected = subject.entry.expected
    if expected and not record["found"]:
        missing = [text for text in expected if text not in record.get("seen", ())]
        never = f"; never: {'; '.join(missing)}" if missing else ""
        lines.append(f"seen of what is to be seen: {len(expected) - len(missing)} of {len(expected)}{never}")
    for name in record.get("left_out", ()):
        lines.append(f"left out: {name}, which has processes of its own; schedules are those of threads")
    if record["unproven"] or record.get("uncontrolled"):
        lines.append(f"where schedules are not in control, chance is left: {_soak_line(subject)}")
    return lines


def _finding_lines(row: FindingRow, out: Path) -> list[str]:
    """As a run's report has them, without a rate: schedules are searched, not drawn."""
    known = "new" if row.new else "known from before"
    return [
        f"{row.id}  {printable(row.title)}",
        f"    {row.kind.value}, {known}; evidence in {out / row.path}",
        f"    {repro_line(row.id, out)}",
        f"    elsewhere: {printable(row.anywhere)}",
    ]


def _soak_line(subject: Subject) -> str:
    """The soak that takes over where threads or locks cannot be controlled, for as long as people want."""
    target = ["--target", subject.target] if subject.target else []
    return shlex.join(["soak", "run", _word(subject), *target, "--perturb", "heavy"])


def _word(subject: Subject) -> str:
    known = Path(subject.entry.file)
    built_in = catalogue.built_in_files().get(subject.entry.name) == known
    return subject.entry.name if built_in else f"{known}::{subject.entry.name}"


def _record(explored: Explored, hang_after: float) -> dict[str, Any]:
    """The child's own record, or one for a child that died."""
    if explored.record is not None:
        return explored.record
    if explored.hung:
        kind, words = "hang", f"no schedule ended within {hang_after:g} s"
    elif explored.signal:
        kind, words = "crash", f"the process died of {explored.death}"
    else:
        kind, words = "exit", f"the process ended with {explored.death}"
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


def _existing(path: str) -> str:
    # A filter that matches no file is seen by the child, which says what came of it; the path is made
    # absolute here, for the child may be started elsewhere.
    return str(Path(path).resolve()) if Path(path).exists() else path


def _replay(options: ExploreOptions, token: str) -> str:
    other = ["--python", options.python] if options.python else []
    limits = [word for name, value in _limits(options).items() for word in (f"--{name}", str(value))]
    return shlex.join(["soak", "explore", options.what, "--token", token, *limits, *other])


def _limits(options: ExploreOptions) -> dict[str, float]:
    """Those of ``soak.race`` that somebody has set."""
    given: dict[str, float | None] = {"steps": options.steps, "stall": options.stall}
    return {name: value for name, value in given.items() if value is not None}


def _report(record: dict[str, Any], *, as_json: bool) -> None:
    text = "\n".join(line for line in record["text"].splitlines() if not line.startswith("replay: "))
    if record.get("replay"):
        text += f"\n{record['replay']}"
    if as_json:
        answer(json.dumps({key: value for key, value in record.items() if key != "text"}, indent=2))
        say(text)
    else:
        answer(text)
    sys.stdout.flush()
