"""What stands before a run: a folder that can be written, its lock, and the workers' interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soak.events import WorkerStarted
from tests.cli.command import Soak

FINE = """
@soak.scenario(seconds=5.0, rounds=1)
def fine(target, rng):
    yield

@fine.operation(threads=1)
def look(state, rng):
    pass
"""

#: It holds its run until a file appears.
WAITS = """
@soak.scenario(seconds=600.0, rounds=1)
def waits(target, rng):
    yield

@waits.operation(threads=1)
def wait_for_the_word(state, rng):
    while not os.path.exists(os.environ["WORD"]) and not soak.stopping():
        soak.beat()
        time.sleep(0.001)
"""


def test_the_second_run_in_one_folder_is_told_who_holds_it(soak: Soak) -> None:
    """Exit code 75, at once, with the holder's process id; the first run is not disturbed."""
    word = soak.folder / "word"
    first = soak.start("run", soak.story(WAITS), "--count", "1", env={"WORD": str(word)})
    first.wait_for(WorkerStarted)
    second = soak("run", soak.story(FINE, "fine.py"), "--count", "1")
    assert second.code == 75
    assert f"process {first.pid}" in second.stderr
    assert "--wait" in second.stderr
    word.touch()
    assert first.finish().code == 0


def test_a_run_may_wait_for_another(soak: Soak) -> None:
    """--wait: it says whom it waits for, and runs once the first has ended."""
    word = soak.folder / "word"
    first = soak.start("run", soak.story(WAITS), "--count", "1", env={"WORD": str(word)})
    first.wait_for(WorkerStarted)
    second = soak.start("run", soak.story(FINE, "fine.py"), "--count", "1", "--wait", "600")
    second.wait_until(lambda: "waiting" in second.stderr, "a word of its waiting")
    assert f"process {first.pid}" in second.stderr
    word.touch()
    assert (first.finish().code, second.finish().code) == (0, 0)
    assert len(second.finish().runs()) == 2


def test_two_folders_take_two_runs(soak: Soak) -> None:
    """The lock is the folder's, not the machine's."""
    word = soak.folder / "word"
    first = soak.start("run", soak.story(WAITS), "--count", "1", env={"WORD": str(word)})
    first.wait_for(WorkerStarted)
    assert soak("run", soak.story(FINE, "fine.py"), "--count", "1", "--out", "other").code == 0
    word.touch()
    assert first.finish().code == 0


def test_out_that_is_a_file_is_told(soak: Soak) -> None:
    """Exit code 4, with the path and what to do."""
    (soak.folder / "taken").touch()
    done = soak("run", soak.story(FINE), "--count", "1", "--out", "taken")
    assert done.code == 4
    assert "taken" in done.stderr
    assert "--out" in done.stderr


def test_out_that_cannot_be_written_is_told(soak: Soak) -> None:
    """Exit code 4: what was expected, what came, what to do; nothing was run."""
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root writes everywhere, and there is no setpriv to take that away")
        prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    out = soak.folder / "closed"
    out.mkdir(mode=0o500)
    done = soak("run", soak.story(FINE), "--count", "1", "--out", "closed", prefix=prefix)
    assert done.code == 4
    assert "Permission denied" in done.stderr
    assert "expected a folder that can be written" in done.stderr
    assert list(out.iterdir()) == []


def bare_environment(folder: Path) -> Path:
    """The interpreter of a virtual environment that holds nothing."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    return folder / "bin" / "python"


def test_workers_run_in_another_environment(soak: Soak) -> None:
    """--python: the workers' interpreter is the other one, which sees soak and none of our packages."""
    python = bare_environment(soak.folder / "bare")
    story = soak.story(
        FINE.replace(
            "    pass",
            "    import importlib.util\n"
            "    soak.always(sys.prefix.endswith('bare'), 'the interpreter is the other one')\n"
            "    for name in ('typer', 'psutil', 'numpy', 'mujoco'):\n"
            "        soak.always(importlib.util.find_spec(name) is None, 'nothing of ours is there')",
        )
    )
    done = soak("run", story, "--count", "2", "--json", "--python", python)
    assert done.code == 0, done.stdout
    assert str(python) in done.document()["environment"]["executable"]


def test_a_crash_in_another_environment_is_found(soak: Soak) -> None:
    """Native stacks are read by our pystack: the other environment needs none."""
    python = bare_environment(soak.folder / "bare")
    story = soak.story(FINE.replace("    pass", "    import ctypes; ctypes.string_at(0)"))
    done = soak("run", story, "--count", "1", "--json", "--python", python)
    (finding,) = done.document()["findings"]
    assert finding["kind"] == "crash"
    assert "look" in finding["title"]


def test_an_interpreter_without_the_targets_packages_is_told(soak: Soak) -> None:
    """The built-in target in an environment without mujoco: the missing module and the place are named."""
    python = bare_environment(soak.folder / "bare")
    done = soak("run", "start_stop", "--count", "1", "--python", python)
    assert done.code in (2, 4)
    assert "No module named" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("what", ["nothing", "folder", "no interpreter"])
def test_a_python_that_is_none_is_a_mistake(soak: Soak, what: str) -> None:
    """A path that does not exist, a folder, and a program that is no Python: told, with the path."""
    path = soak.folder / "python"
    if what == "folder":
        path.mkdir()
    if what == "no interpreter":
        path.write_text("#!/bin/sh\necho I am a shell >&2\nexit 9\n")
        path.chmod(0o755)
    done = soak("run", soak.story(FINE), "--count", "1", "--python", path)
    assert done.code == (4 if what == "no interpreter" else 2)
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
