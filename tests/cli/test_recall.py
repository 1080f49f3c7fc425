"""The memory for commands: what is wrong with it has an exit code, and costs no run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from soak.cli.exits import Exit, Problem
from soak.cli.recall import recalled, remember, told_as_problem
from soak.findings.memory import MemoryLockedError, MemoryProblemError, UnusableUrlError
from tests.cli.command import Soak

QUIET = """
@soak.scenario(seconds=5.0, rounds=1)
def quiet(target, rng):
    yield

@quiet.operation(threads=1)
def rest(state, rng):
    pass
"""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnusableUrlError("no URL"), Exit.USAGE),
        (MemoryLockedError("locked"), Exit.LOCKED),
        (MemoryProblemError("damaged"), Exit.CANNOT_RUN),
    ],
)
def test_each_problem_has_its_exit_code(error: Exception, code: Exit) -> None:
    """With the memory's own words, which say what to do."""
    with pytest.raises(Problem, match=str(error)) as problem, told_as_problem():
        raise error
    assert problem.value.code is code


def test_a_run_that_cannot_be_remembered_is_told_and_not_lost(soak: Soak) -> None:
    """The database is of a later soak: the run has its report and the memory's exit code; the next command
    that has another database takes the stream in."""
    first = soak("run", soak.story(QUIET), "--count", "1")
    assert first.code == Exit.CLEAN
    database = first.out / "soak.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    done = soak("run", soak.story(QUIET), "--count", "1")
    assert done.code == Exit.CANNOT_RUN
    assert done.stdout.startswith("CLEAN")
    assert "made by a later version of soak (its schema is 9999" in done.stderr
    assert "nothing is lost: the next command takes its stream in" in done.stderr
    refused = soak("history")
    assert (refused.code, refused.stdout) == (Exit.CANNOT_RUN, "")
    database.unlink()
    assert len(soak("history").stdout.splitlines()) >= 2
    with recalled(first.out) as memory:
        assert len(memory.runs()) == 2


def test_remembering_answers_with_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At the end of a run nothing is raised: the run's own verdict may be worse."""
    assert remember(tmp_path, "mysql://nowhere/soak") is Exit.USAGE
    assert "expected a sqlite or postgresql URL" in capsys.readouterr().err
    assert remember(tmp_path) is Exit.CLEAN
