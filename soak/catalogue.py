"""Where scenarios come from: the built-in ones, those that other packages install, and files by path."""

from __future__ import annotations

from pathlib import Path

#: Resolved: another interpreter reaches soak through a link, beside which no scenarios lie.
_HERE = Path(__file__).resolve().parent


def built_in_folder() -> Path:
    """The folder of the built-in scenarios: inside the package once installed, beside it in a checkout."""
    installed = _HERE / "scenarios"
    return installed if installed.is_dir() else _HERE.parent / "scenarios"


def built_in_files() -> dict[str, Path]:
    """The built-in scenario files by name, in alphabetical order."""
    return {path.stem: path for path in sorted(built_in_folder().glob("[!_]*.py"))}


def looks_like_path(word: str) -> bool:
    """Whether a scenario on the command line is meant as a file."""
    return word.endswith(".py") or "/" in word
