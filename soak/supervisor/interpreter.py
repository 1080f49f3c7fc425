"""The worker's interpreter: ours, or the user's own, which reaches soak through a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soak

_PACKAGE = Path(soak.__file__).parent
_DESCRIBE_LIMIT_S = 120.0


class InterpreterError(Exception):
    """The interpreter cannot be run, or cannot run soak's worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python and what must be on its path for it to import ``soak``."""

    executable: str
    python_path: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        return self.executable == sys.executable

    def command(self, *words: str) -> list[str]:
        """The command line of ``python -m soak.worker …``."""
        return [self.executable, "-m", "soak.worker", *words]

    def describe(self, files: list[Path], environment: dict[str, str]) -> list[dict[str, Any]]:
        """What the scenario files hold, as a process of this interpreter reads them: one record per file.

        Raises:
            InterpreterError: the process failed, with its last words.
        """
        try:
            done = subprocess.run(
                self.command("describe", *map(str, files)),
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_DESCRIBE_LIMIT_S,
                check=False,
            )
        except OSError as error:
            raise InterpreterError(f"{self.executable} cannot be run: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise InterpreterError(
                f"{self.executable} did not describe the scenarios within {_DESCRIBE_LIMIT_S:.0f} s: "
                f"a scenario file does too much at import ({', '.join(map(str, files))})"
            ) from error
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
            raise InterpreterError(f"{self.executable} could not describe the scenarios: {last[0]}")
        # A scenario file may print at import; only our own lines are JSON objects.
        lines = [line for line in done.stdout.splitlines() if line.startswith('{"file"')]
        return [json.loads(line) for line in lines]


def find_interpreter(python: str, imports: Path) -> Interpreter:
    """The interpreter of ``--python`` (ours for ""); ``imports`` is made to hold nothing but ``soak``.

    Raises:
        InterpreterError: there is no such interpreter.
    """
    if not python or Path(python) == Path(sys.executable):
        # An installed soak is on our interpreter's path already, and PYTHONPATH would put all of
        # site-packages before the standard library.
        installed = _PACKAGE.parent in (
            Path(sysconfig.get_path("purelib")),
            Path(sysconfig.get_path("platlib")),
        )
        return Interpreter(
            executable=sys.executable, python_path=() if installed else (str(_PACKAGE.parent),)
        )
    path = Path(python)
    if not path.is_file():
        raise InterpreterError(
            f"--python: expected the path of a Python interpreter, got {python!r}, which is no file"
        )
    imports.mkdir(parents=True, exist_ok=True)
    link = imports / "soak"
    if not link.is_symlink():
        link.symlink_to(_PACKAGE)
    return Interpreter(executable=str(path.absolute()), python_path=(str(imports.resolve()),))
