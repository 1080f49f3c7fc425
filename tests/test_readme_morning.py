"""The page "The morning after" is followed word by word: each command is run, and says what stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.command import DEADLINE_S, ROOT

_SECTION = re.compile(r"## The morning after\n(.*?)\n## ", re.DOTALL)
_BLOCK = re.compile(r"```(python|console)\n(.*?)```", re.DOTALL)
_WHEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def page() -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The files that the page shows, and its commands with what they print."""
    found = _SECTION.search((ROOT / "README.md").read_text())
    assert found is not None
    files, commands = {}, []
    for language, text in _BLOCK.findall(found[1]):
        if language == "python":
            name = text.split('"""')[1]
            files[name] = text
        else:
            commands += _COMMAND.findall(text)
    return files, commands


def pattern(shown: str) -> re.Pattern[str]:
    """What is shown, on any day, where … is anything within a line, or any lines where it stands alone."""
    parts = [
        "(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + " *\n"
        for line in _WHEN.sub("…", shown).splitlines()
    ]
    return re.compile("".join(parts))


def test_the_page_is_followed_word_by_word(tmp_path: Path) -> None:
    """A known bug, a new one and a fixed one, over three nights; every number stands as it is printed."""
    files, commands = page()
    assert len(commands) == 7
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "soak").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m soak "$@"\n')
    (binaries / "soak").chmod(0o755)
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    for command, shown in commands:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        said = f"$ {command}\n{done.stdout}{done.stderr}"
        assert pattern(shown).fullmatch(done.stdout), said
        assert done.returncode == expected_code(command, shown), said


def expected_code(command: str, shown: str) -> int:
    """What the page says of the exit code, or that of a run with findings."""
    return 0 if "the exit code is 0" in shown or " soak run " not in command else 1
