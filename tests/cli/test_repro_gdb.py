"""`soak repro --gdb`: the worker stops at its crash in a real gdb, with native and Python frames."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import sys
import time
from pathlib import Path

import pytest

from soak.events import Kind, Sighted
from soak.findings.signature import former_names, signature
from soak.supervisor import debugger
from soak.supervisor.interpreter import find_interpreter
from soak.supervisor.plan import Entry, Plan, worker_environment
from soak.triage.debugged import debug
from tests.cli.command import DEADLINE_S, Soak
from tests.cli.test_repro import ROLLS, SEGV

needs_gdb = pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb; apt-get install gdb")


def crashed(soak: Soak, story: Path) -> str:
    """The name of what the story died of."""
    return soak("run", story, "--until-fail", "--minutes", "5").finding().name


@needs_gdb
def test_it_stops_at_the_crash(soak: Soak) -> None:
    """Exit code 1; the native frame that faulted, the Python function, the finding's name; kept in a file."""
    name = crashed(soak, soak.story(SEGV))
    done = soak("repro", name, "--gdb")
    assert done.code == 1, done.stderr
    assert "received signal SIGSEGV" in done.stdout
    assert "string_at" in done.stdout
    assert "follow_null" in done.stdout
    assert f"stopped at {name}, try 1" in done.stdout
    kept = (done.out / "gdb" / f"{name}.txt").read_text()
    assert "follow_null" in kept
    assert not list(done.out.glob("gdb-*")), "a try's folder was left behind"


@needs_gdb
def test_another_crash_is_called_different(soak: Soak) -> None:
    """It stops there too, and says that it is not the finding."""
    story = soak.story(SEGV)
    name = crashed(soak, story)
    story.write_text(story.read_text().replace("ctypes.string_at(0)", "os.abort()"))
    done = soak("repro", name, "--gdb")
    assert done.code == 1
    assert "stopped at a different finding: crash-" in done.stdout
    assert not (done.out / "gdb" / f"{name}.txt").exists()


@needs_gdb
def test_a_finding_is_known_by_the_name_that_an_older_soak_gave_it(soak: Soak) -> None:
    """A report of last year's still stops at the same crash."""
    story = soak.story(SEGV)
    (sighted,) = soak("run", story, "--until-fail", "--minutes", "5", "--seed", "7").of(Sighted)
    name = next(iter(former_names(sighted) - {signature(sighted).id}))
    where = ["--scenario", str(story), "--seed", "7", "--iteration", str(sighted.iteration)]
    again = soak("repro", name, "--gdb", *where)
    assert again.code == 1, again.stderr
    assert f"stopped at {name}, try 1" in again.stdout


@needs_gdb
def test_what_is_mended_does_not_stop(soak: Soak) -> None:
    """All tries are made, exit code 0."""
    story = soak.story(SEGV)
    name = crashed(soak, story)
    story.write_text(story.read_text().replace("ctypes.string_at(0)", "pass"))
    done = soak("repro", name, "--gdb", "--count", "2")
    assert done.code == 0, done.stdout
    assert "brought back 0/2 under gdb" in done.stdout


@needs_gdb
def test_without_the_extension_the_frames_are_faulthandlers(
    soak: Soak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gdb hands the signal on once it has looked: the text names the function that faulted."""
    monkeypatch.setattr(debugger, "python_extension", lambda _executable: None)
    story = soak.story(SEGV)
    entry = Entry(
        name="dies",
        file=story,
        summary="",
        seconds=5.0,
        fresh=False,
        real_exit=False,
        sometimes=(),
        target="",
        hang_after=None,
    )
    interpreter = find_interpreter("", tmp_path / "import")
    tried = debug(
        Plan(entries=(entry,), seed=1, jobs=1, out=tmp_path, span=1),
        entry,
        interpreter,
        worker_environment(entry, interpreter.python_path),
        tmp_path / "worker",
        gdb=shutil.which("gdb") or "",
        at_exit=False,
        interactive=False,
    )
    assert tried.stopped
    assert debugger.PY_BT not in tried.said
    assert "in follow_null" in tried.fault
    assert [sighted.kind for sighted in tried.sighted] == [Kind.CRASH]


@needs_gdb
def test_on_a_terminal_gdb_stays_at_its_prompt(soak: Soak) -> None:
    """A person may type there what they like; soak ends when they leave."""
    name = crashed(soak, soak.story(SEGV))
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(soak.folder)
        os.execv(sys.executable, [sys.executable, "-m", "soak", "repro", name, "--gdb"])
    said, answers = b"", [(b"(gdb) ", b"print 6*7\n"), (b"$1 = 42", b"kill\nquit\n")]
    until = time.monotonic() + DEADLINE_S
    with contextlib.suppress(OSError):  # the terminal's other end is closed
        while time.monotonic() < until:
            if not select.select([terminal], [], [], 1.0)[0]:
                continue
            said += os.read(terminal, 65536)
            if answers and answers[0][0] in said:
                os.write(terminal, answers.pop(0)[1])
    _, status = os.waitpid(pid, 0)
    assert not answers, said.decode(errors="replace")
    assert b"stopped at try 1" in said
    assert os.waitstatus_to_exitcode(status) == 1


def test_without_gdb_the_line_that_brings_it_is_told(soak: Soak, tmp_path: Path) -> None:
    """Exit code 4."""
    name = crashed(soak, soak.story(SEGV))
    (tmp_path / "bin").mkdir()
    done = soak("repro", name, "--gdb", env={"PATH": str(tmp_path / "bin")})
    assert done.code == 4
    assert "apt-get install gdb" in done.stderr


def test_what_does_not_crash_has_nothing_to_stop_at(soak: Soak) -> None:
    """A violation's stacks are in the finding: exit code 2, and where to look."""
    name = crashed(soak, soak.story(ROLLS))
    done = soak("repro", name, "--gdb")
    assert done.code == 2
    assert f"soak show {name}" in done.stderr
