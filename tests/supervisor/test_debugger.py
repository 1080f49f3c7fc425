"""What gdb is told and what it says, without a gdb."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path

import pytest

from soak.supervisor import debugger


def scripts(words: list[str]) -> list[str]:
    """The texts of the scripts on a command line, in order."""
    return [Path(word).read_text() for before, word in itertools.pairwise(words) if before == "-x"]


def test_without_the_extension_nothing_asks_for_it(tmp_path: Path) -> None:
    """py-bt would be an unknown command, and the script would end there."""
    words = debugger.command(
        "gdb", ["python", "-m", "w"], tmp_path, extension=None, at_exit=False, interactive=False
    )
    assert words[:4] == ["gdb", "-q", "-nx", "-batch"]
    assert words[-4:] == ["--args", "python", "-m", "w"]
    assert not any("py-bt" in text for text in scripts(words))
    assert "source" not in " ".join(words)


def test_a_person_stays_at_the_prompt(tmp_path: Path) -> None:
    """No -batch, and nothing continues; a worker that ends ends gdb."""
    words = debugger.command(
        "gdb", ["w"], tmp_path, extension=Path("/x-gdb.py"), at_exit=True, interactive=True
    )
    assert "-batch" not in words
    texts = scripts(words)
    assert "break exit" in texts[0]
    assert any("py-bt" in text for text in texts)
    assert not any("continue" in text or "kill" in text for text in texts)
    assert "quit" in texts[-1]


def test_the_extension_lies_beside_the_real_interpreter(tmp_path: Path) -> None:
    """A virtual environment's python is a link; the extension is its real file's."""
    (tmp_path / "python3.11").write_text("")
    (tmp_path / "python").symlink_to("python3.11")
    assert debugger.python_extension(tmp_path / "python") is None
    (tmp_path / "python3.11-gdb.py").write_text("")
    assert debugger.python_extension(tmp_path / "python") == tmp_path / "python3.11-gdb.py"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ('Thread 3 "python" received signal SIGSEGV, Segmentation fault.\n', -signal.SIGSEGV),
        ("received signal SIGABRT, x\nreceived signal SIGSEGV, y\n", -signal.SIGABRT),
        ("[Inferior 1 (process 7) exited with code 012]\n", 10),
        ("[Inferior 1 (process 7) exited normally]\n", 0),
    ],
)
def test_how_the_worker_ended(said: str, status: int) -> None:
    """The first signal is the crash, later ones are what faulthandler raises; exit codes are octal."""
    assert debugger.status(said) == status


def test_a_refusal_is_told() -> None:
    """Where ptrace is forbidden, gdb says so in its own words."""
    said = "warning: Could not trace the inferior process.\nptrace: Operation not permitted\n"
    assert debugger.refusal(said).startswith("Could not trace the inferior process")
    assert debugger.refusal("[Inferior 1 (process 7) exited normally]\n") == ""
