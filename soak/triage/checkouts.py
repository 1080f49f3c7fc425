"""Checkouts of a repository's commits in a temporary folder, beside the user's own, which nobody touches."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_SHORT = 10


class GitError(Exception):
    """git said no, in its words; or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit, by its whole name and its first line."""

    name: str
    subject: str

    def __str__(self) -> str:
        return f'{self.name[:_SHORT]} "{self.subject}"'


def top_of(folder: Path) -> Path:
    """The top of the checkout that ``folder`` is in.

    Raises:
        GitError: it is in none.
    """
    return Path(_git(folder, "rev-parse", "--show-toplevel"))


class Checkouts:
    """A context: worktrees appear below :attr:`folder` as they are asked for, and all go at its end."""

    def __init__(self, repository: Path) -> None:
        """``repository`` is the top of a checkout."""
        self._repository = repository
        self._made: dict[str, Path] = {}

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="soak-bisect-")).resolve()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(GitError):  # what it would tidy is only git's own list
            _git(self._repository, "worktree", "prune")

    def commits(self, good: str, bad: str) -> tuple[Commit, ...]:
        """``good``, and what came after it up to ``bad``, oldest first: of a merge only the side that it was
        merged into, so that each commit follows the one before.

        Raises:
            GitError: one of them is unknown, or ``bad`` does not come after ``good``.
        """
        first, last = self._commit(good), self._commit(bad)
        try:
            _git(self._repository, "merge-base", "--is-ancestor", first.name, last.name)
        except GitError as error:
            raise GitError(
                f"{good} is no ancestor of {bad}: expected a good commit that came before"
            ) from error
        listed = _git(
            self._repository,
            "log",
            "--first-parent",
            "--reverse",
            "--format=%H %s",
            f"{first.name}..{last.name}",
        )
        between = [line.partition(" ") for line in listed.splitlines()]
        if not between:
            raise GitError(f"{good} and {bad} are one commit")
        return (first, *(Commit(name=name, subject=subject) for name, _, subject in between))

    def at(self, commit: Commit) -> tuple[Path, bool]:
        """The folder with that commit's files, and whether it was made just now.

        Raises:
            GitError: it cannot be checked out.
        """
        if commit.name in self._made:
            return self._made[commit.name], False
        folder = self.folder / commit.name[:_SHORT]
        _git(self._repository, "worktree", "add", "--quiet", "--detach", str(folder), commit.name)
        self._made[commit.name] = folder
        return folder, True

    def _commit(self, revision: str) -> Commit:
        said = _git(self._repository, "log", "-1", "--format=%H %s", f"{revision}^{{commit}}", "--")
        name, _, subject = said.partition(" ")
        return Commit(name=name, subject=subject)


@contextlib.contextmanager
def inside(folder: Path, top: Path, cwd: Path) -> Iterator[Path]:
    """Stand in a checkout's ``folder`` as ``cwd`` stands in ``top``: working directory and PYTHONPATH.

    What is imported comes from there first: from the working directory, the top, its ``src``, and where
    PYTHONPATH led into ``top``.
    """
    here = moved(cwd, top, folder)
    if not here.is_relative_to(folder) or not here.is_dir():
        here = folder
    before = os.environ.get("PYTHONPATH")
    inherited = [str(moved(Path(entry), top, folder)) for entry in (before or "").split(os.pathsep) if entry]
    first = [str(path) for path in (here, folder, folder / "src") if path.is_dir()]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*first, *inherited]))
    try:
        with contextlib.chdir(here):
            yield here
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def moved(path: Path, top: Path, folder: Path) -> Path:
    """Where ``path`` lies in the checkout ``folder``, if it lies below ``top``; else itself."""
    absolute = path if path.is_absolute() else Path.cwd() / path
    return folder / absolute.relative_to(top) if absolute.is_relative_to(top) else path


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            # A hook of the user's would run in a checkout that is none of theirs.
            ["git", "-c", f"core.hooksPath={os.devnull}", "-C", str(folder), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"git {words[0]} ended with {done.returncode}"]
        raise GitError(said[-1].removeprefix("fatal: "))
    return done.stdout.rstrip("\n")
