"""``soak shrink``: the smallest scenario that still shows a finding, as a file that anyone can run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from soak.cli.exits import SIGNAL_BASE, Exit, MachineProblem, UsageProblem
from soak.cli.found import Found, find, tell_different
from soak.cli.session import answer, locked, say
from soak.cli.subject import Stand, stand
from soak.files import write_whole
from soak.findings.store import Store
from soak.supervisor.interpreter import Interpreter, InterpreterError
from soak.supervisor.plan import Entry, base_environment
from soak.triage.bench import Bench, BenchError, Count, Interrupted
from soak.triage.budget import Budget
from soak.triage.candidates import Candidates
from soak.triage.pool import fresh_choices, own_choices
from soak.triage.reproduce import plan_for
from soak.triage.shape import Source, shape_of
from soak.triage.shrinking import FIRST_TRIES, Shrinking
from soak.triage.shrunk import Shrunk

#: What the docstring of a file says that shrinking wrote, so that none of anybody else's is written over.
_MARK = ", shrunk: "


def shrink(name: str, *, minutes: float, to: Path | None, out: Path, wait: float, as_json: bool) -> int:
    """Shrink within ``minutes``; exit code 1 when the finding came back, 0 when it did not."""
    store = Store(out, say=say)
    found = find(store, name)
    finding = found.finding
    path = to or Path(f"shrunk_{finding.id.replace('-', '_')}.py")
    _refuse_foreign(path)
    with locked(out, wait), _scratch(out) as folder:
        here = stand(found.subject, python="", out=out)
        say(f"soak: {finding.id}: {finding.title}; shrinking for {minutes:g} min at most")
        bench = Bench(
            finding.id,
            here.interpreter,
            folder / "runs",
            store=store,
            entry=here.entry,
            target=finding.reproducer.target,
        )
        try:
            result = _shrinking(found, here, bench, folder, path, minutes).work()
        except BenchError as error:
            raise UsageProblem(str(error)) from error
        except Interrupted as interrupted:
            return SIGNAL_BASE + interrupted.number
        finally:
            tell_different(bench)
    return _report(result, path, as_json=as_json)


def _shrinking(
    found: Found, here: Stand, bench: Bench, folder: Path, path: Path, minutes: float
) -> Shrinking:
    finding, known = found.finding, found.finding.reproducer
    entry, interpreter = here.entry, here.interpreter
    plan = plan_for(finding, entry, tries=FIRST_TRIES, out=folder, python="")
    whole = _record(entry, interpreter, "")
    start = shape_of(_record(entry, interpreter, known.target), perturb=known.perturb, target=known.target)
    source = Source(file=entry.file, name=entry.name, whole=shape_of(whole, perturb=known.perturb, target=""))
    own = own_choices(finding, found.occurrences)

    def publish(shrunk: Shrunk) -> None:
        text = source.text(shrunk.after.shape, path.resolve().parent, shrunk.doc(path))
        try:
            write_whole(path, text)
        except OSError as error:
            raise MachineProblem(f"{path}: {error.strerror}; name another file with --to") from error

    return Shrinking(
        finding,
        start,
        Candidates(bench, source, entry, plan, folder),
        Budget(60 * minutes),
        own=own,
        fresh=fresh_choices(own, plan.span),
        models=lambda target: _smaller(target or entry.target, interpreter),
        publish=publish,
        tell=lambda text: say(f"soak: {text}"),
    )


def _record(entry: Entry, interpreter: Interpreter, target: str) -> dict[str, Any]:
    """The scenario as its own process describes it."""
    try:
        (file,) = interpreter.describe([entry.file], base_environment(interpreter.python_path), target)
    except InterpreterError as error:
        raise MachineProblem(str(error)) from error
    if "failed" in file:
        raise UsageProblem(file["failed"])
    record: dict[str, Any] = next(each for each in file["scenarios"] if each["name"] == entry.name)
    return record


def _smaller(target: str, interpreter: Interpreter) -> Sequence[str]:
    """The smaller targets than ``target`` that it offers, the smallest first."""
    if not target:
        return ()
    try:
        record = interpreter.describe_target(target, base_environment(interpreter.python_path))
    except InterpreterError:
        return ()
    return tuple(record.get("smaller", ()))


@contextlib.contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """A folder for candidates and their runs, of which nothing is left behind."""
    folder = (out / "triage" / f"shrink-{os.getpid()}").resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_foreign(path: Path) -> None:
    if path.suffix != ".py":
        raise UsageProblem(f"--to {path}: expected a file whose name ends in .py")
    if not path.resolve().parent.is_dir():
        raise UsageProblem(f"--to {path}: expected a folder that is there; make it first")
    try:
        if path.exists() and _MARK not in path.read_text(errors="replace").partition("\n")[0]:
            raise UsageProblem(f"{path} is there, and not of shrinking; name another file with --to")
    except OSError as error:
        raise UsageProblem(f"{path}: {error.strerror}; name another file with --to") from error


def _report(result: Shrunk | Count, path: Path, *, as_json: bool) -> int:
    if isinstance(result, Count):
        words, plain = (
            f"it did not come back: {result.in_words()}; there is nothing to shrink",
            {
                "hits": result.hits,
                "tries": result.tries,
            },
        )
    else:
        words, plain = result.in_words(path), result.document(path)
    if as_json:
        answer(json.dumps(plain, indent=2))
        say(words)
    else:
        answer(words)
    if isinstance(result, Count):
        return Exit.CLEAN
    return SIGNAL_BASE + result.signal if result.signal else Exit.FINDINGS
