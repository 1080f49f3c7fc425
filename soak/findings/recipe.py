"""A reproducer as one line for any checkout of the same commit, whose store has never seen the finding."""

from __future__ import annotations

import dataclasses
import os
import shlex
from pathlib import Path

from soak import catalogue
from soak.events import Kind, Sighted
from soak.files import project_of
from soak.findings.finding import Reproducer
from soak.findings.signature import former_names
from soak.supervisor.plan import HANG_AFTER_S

#: So much of a commit's name is as good as all of it.
_COMMIT_SHOWN = 12
CHANGED = " (changed)"
#: What the command perturbs with where nothing is said.
USUAL_PERTURB = "light"


def anywhere(finding: str, kind: Kind, known: Reproducer, cwd: Path) -> str:
    """``soak repro crash-2973912e --scenario storm.py::storm --seed 7 --iteration 41 …``: what is left out
    is what the command does by default. Paths below the project of ``cwd`` are relative to ``cwd``.
    """
    if known.token:
        return exploring(known, cwd, "--token", known.token)
    words = ["--scenario", scenario_word(known, cwd), "--seed", str(known.seed)]
    words += ["--iteration", str(known.iteration)]
    if kind is Kind.LEAK and known.first_iteration != known.iteration:
        words += ["--from", str(known.first_iteration)]
    if known.target:
        words += ["--target", known.target]
    if known.perturb != USUAL_PERTURB:
        words += ["--perturb", known.perturb]
    if known.guard_malloc:
        words += ["--guard-malloc"]
    if known.hang_after != HANG_AFTER_S:
        words += ["--hang-after", f"{known.hang_after:g}"]
    if known.python:
        words += ["--python", _near(Path(known.python), cwd)]
    for name, value in known.env.items():
        words += ["--env", f"{name}={value}"]
    if known.soak:
        words += ["--as-of", as_of(known, project_of(cwd).name)]
    return shlex.join(["soak", "repro", finding, *words])


def exploring(known: Reproducer, cwd: Path, *more: str) -> str:
    """``soak explore storm.py::storm --token soak1/3.11/…``: that schedule, or with other words any."""
    words = ["soak", "explore", scenario_word(known, cwd)]
    if known.target:
        words += ["--target", known.target]
    if known.python:
        words += ["--python", _near(Path(known.python), cwd)]
    return shlex.join([*words, *more])


def scenario_word(known: Reproducer, cwd: Path) -> str:
    """How a command names the scenario: a built-in one by its name, another by its file."""
    file = Path(known.scenario_file)
    if catalogue.built_in_files().get(known.scenario) == file:
        return known.scenario
    near = _near(file, cwd)
    return f"{near}::{known.scenario}" if catalogue.looks_like_path(near) else f"./{near}::{known.scenario}"


def as_of(known: Reproducer, folder: str) -> str:
    """``0.1.0/4fd1c3a2b0e1/cb06878f0a12+/shop``: soak, the scenario's file, the commit, + where it was
    changed, and the name of the project's ``folder``, which is part of the finding's name where a file that
    lies in it is."""
    commit, changed, _ = known.commit.partition(CHANGED)
    return "/".join([known.soak, known.digest, commit[:_COMMIT_SHOWN] + ("+" if changed else ""), folder])


def from_as_of(text: str) -> tuple[dict[str, str], str]:
    """What :func:`as_of` said, by the reproducer's fields, and the folder's name.

    Raises:
        ValueError: it is something else.
    """
    parts = text.split("/")
    if len(parts) != 4 or not parts[0]:
        raise ValueError(f"expected SOAK/FILE/COMMIT/FOLDER as a report prints it, got {text!r}")
    soak, digest, commit, folder = parts
    commit = commit.removesuffix("+") + CHANGED * commit.endswith("+")
    return {"soak": soak, "digest": digest, "commit": commit}, folder


def names_in(sighted: Sighted, folder: str) -> frozenset[str]:
    """The names that an older soak gave ``sighted`` in a project whose top is called ``folder``."""
    return former_names(dataclasses.replace(sighted, project=folder))


def _near(path: Path, cwd: Path) -> str:
    """The path as seen from ``cwd`` where both lie in one project; else as it is."""
    if not path.is_absolute() or not path.is_relative_to(project_of(cwd)):
        return str(path)
    return os.path.relpath(path, cwd)
