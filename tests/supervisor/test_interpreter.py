"""The workers' interpreter: ours, or another one that sees soak and nothing else of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.supervisor.interpreter import Interpreter, InterpreterError, find_interpreter
from soak.supervisor.plan import base_environment
from tests.cli.command import ROOT


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds nothing."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    return folder / "bin" / "python"


def test_no_word_means_our_own(tmp_path: Path) -> None:
    """Without --python, or with our own path: nothing is made on the disk."""
    for word in ("", sys.executable):
        found = find_interpreter(word, tmp_path / "import")
        assert found.is_ours
        assert found.executable == sys.executable
    assert not (tmp_path / "import").exists()


def test_another_interpreter_reaches_soak_and_nothing_else(tmp_path: Path, bare: Path) -> None:
    """The folder on its path holds soak alone; the path stays what the user gave, no link is followed."""
    found = find_interpreter(str(bare), tmp_path / "import")
    assert not found.is_ours
    assert found.executable == str(bare)
    assert [path.name for path in (tmp_path / "import").iterdir()] == ["soak"]
    environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(found.python_path)}
    code = "import sys, soak.worker.main; print(sys.prefix); import typer"
    done = subprocess.run(
        [found.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == str(bare.parent.parent)
    assert "No module named 'typer'" in done.stderr


def test_a_second_run_finds_the_folder_made(tmp_path: Path, bare: Path) -> None:
    """Nothing fails where the link is there already."""
    assert find_interpreter(str(bare), tmp_path) == find_interpreter(str(bare), tmp_path)


def test_a_link_that_leads_elsewhere_is_mended(tmp_path: Path, bare: Path) -> None:
    """soak was reinstalled in another place since the last run: the link follows."""
    (tmp_path / "soak").symlink_to(tmp_path / "where soak was")
    find_interpreter(str(bare), tmp_path)
    assert (tmp_path / "soak").resolve() == (ROOT / "soak").resolve()


@pytest.mark.parametrize("word", ["no/such/python", "."])
def test_what_is_no_file_is_no_interpreter(tmp_path: Path, word: str) -> None:
    """The path is named, and what was expected."""
    with pytest.raises(InterpreterError, match="expected the path of a Python interpreter"):
        find_interpreter(word, tmp_path)


def describe(interpreter: Interpreter, file: Path) -> object:
    (record,) = interpreter.describe([file], base_environment(interpreter.python_path))
    return record


def test_a_file_is_described_by_the_interpreter_that_will_run_it(tmp_path: Path, bare: Path) -> None:
    """What the file prints at import, on either stream, is not taken for the answer."""
    story = tmp_path / "story.py"
    story.write_text(
        "import soak, sys\nprint('soak-answer is not this')\nprint('noise', end='')\n"
        "@soak.scenario(seconds=1.0, name=sys.prefix.replace('/', '_'))\n"
        "def story(target, rng):\n    '''What it does.'''\n    yield\n"
    )
    found = find_interpreter(str(bare), tmp_path / "import")
    record = describe(found, story)
    assert isinstance(record, dict)
    (scenario,) = record["scenarios"]
    assert scenario["name"] == str(bare.parent.parent).replace("/", "_")
    assert scenario["summary"] == "What it does."


def test_an_interpreter_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    """A script that is no Python, and one that cannot be executed."""
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho something else >&2\necho I am not Python >&2\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(InterpreterError, match="I am not Python"):
        describe(find_interpreter(str(script), tmp_path / "import"), tmp_path / "story.py")
    script.chmod(0o644)
    with pytest.raises(InterpreterError, match="cannot be run: Permission denied"):
        describe(find_interpreter(str(script), tmp_path / "import"), tmp_path / "story.py")


def test_a_file_that_closes_stdout_is_told(tmp_path: Path) -> None:
    """Its description cannot be heard: the file is named."""
    story = tmp_path / "story.py"
    story.write_text("import os, soak\n@soak.scenario(seconds=1.0)\ndef story(t, r): yield\nos.close(1)\n")
    with pytest.raises(InterpreterError, match=r"said nothing about .*story\.py|could not run"):
        describe(find_interpreter("", tmp_path), story)
