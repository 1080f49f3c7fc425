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
_ANSWER_LIMIT_S = 120.0
#: What begins a line of the worker interpreter that is meant for us: see ``soak.worker.__main__``.
ANSWER_MARK = "soak-answer "


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

    def describe(
        self, files: list[Path], environment: dict[str, str], target: str = ""
    ) -> list[dict[str, Any]]:
        """What the scenario files hold, as a process of this interpreter reads them: one record per file.

        With ``target``, an import string, as much of it as can use that target.

        Raises:
            InterpreterError: the process failed, with its last words.
        """
        records = self._ask(environment, "describe", target, *map(str, files))
        silent = {str(file) for file in files} - {record["file"] for record in records}
        if silent:
            raise InterpreterError(
                f"{self.executable} said nothing about {', '.join(sorted(silent))}: "
                "importing it must leave stdout open"
            )
        return records

    def describe_target(self, target: str, environment: dict[str, str]) -> dict[str, Any]:
        """The verbs of ``target``, as a process of this interpreter finds them, or why it ``failed``.

        Raises:
            InterpreterError: as for :meth:`describe`.
        """
        for record in self._ask(environment, "target", target):
            return record
        raise InterpreterError(f"{self.executable} said nothing about {target}: it must leave stdout open")

    def installed_scenarios(self, environment: dict[str, str]) -> dict[str, Path]:
        """The scenario files that installed packages offer as entry points of the group ``soak.scenarios``.

        Raises:
            InterpreterError: as for :meth:`describe`.
        """
        return {record["name"]: Path(record["file"]) for record in self._ask(environment, "installed")}

    def _ask(self, environment: dict[str, str], *words: str) -> list[dict[str, Any]]:
        try:
            done = subprocess.run(
                self.command(*words),
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_ANSWER_LIMIT_S,
                check=False,
            )
        except OSError as error:
            raise InterpreterError(f"{self.executable} cannot be run: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise InterpreterError(
                f"{self.executable} did not answer `{' '.join(words)}` within {_ANSWER_LIMIT_S:.0f} s: "
                "a scenario file or its needs do too much at import"
            ) from error
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
            raise InterpreterError(f"{self.executable} could not run soak's worker: {last[0]}")
        # A scenario file may print at import, without a newline too; our answers carry a mark and an object.
        marked = [line.partition(ANSWER_MARK + "{") for line in done.stdout.splitlines()]
        return [json.loads("{" + record) for _noise, mark, record in marked if mark]


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
    if not link.is_symlink() or link.readlink() != _PACKAGE:
        link.unlink(missing_ok=True)  # soak was somewhere else at the time of an earlier run
        link.symlink_to(_PACKAGE)
    return Interpreter(executable=str(path.absolute()), python_path=(str(imports.resolve()),))
