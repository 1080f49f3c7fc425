"""The line for other checkouts: all that decides is in it, and what the command does anyway is not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from soak import catalogue
from soak.events import Frame, Kind, Sighted
from soak.findings.finding import Reproducer
from soak.findings.recipe import anywhere, as_of, from_as_of, names_in
from soak.findings.signature import signature
from tests.detect.samples import sample

KNOWN = Reproducer(
    scenario_file="/data/story.py",
    scenario="story",
    target="",
    seed=7,
    first_iteration=30,
    iteration=41,
    perturb="light",
    guard_malloc=False,
    hang_after=10.0,
    python="",
)
NAME = "crash-12345678"


def test_what_is_usual_is_left_out() -> None:
    """A scenario, a seed and an iteration are enough for most findings."""
    line = anywhere(NAME, Kind.CRASH, KNOWN, Path("/home/ada"))
    assert line == f"soak repro {NAME} --scenario /data/story.py::story --seed 7 --iteration 41"


def test_what_is_unusual_is_there_and_quoted() -> None:
    """Target, perturbation, guard pages, hang limit, interpreter, variables, and what it was seen with."""
    known = dataclasses.replace(
        KNOWN,
        target="shop:Sim?name=a b",
        perturb="heavy",
        guard_malloc=True,
        hang_after=2.5,
        python="/opt/python",
        env={"MALLOC_PERTURB_": "165"},
        soak="0.1.0",
        digest="4fd1c3a2b0e1",
        commit="cb06878f0a1234 (changed)",
    )
    line = anywhere(NAME, Kind.CRASH, known, Path("/home/ada"))
    assert line.endswith(
        "--iteration 41 --target 'shop:Sim?name=a b' --perturb heavy --guard-malloc --hang-after 2.5 "
        "--python /opt/python --env MALLOC_PERTURB_=165 --as-of 0.1.0/4fd1c3a2b0e1/cb06878f0a12+/ada"
    )


def test_a_leak_names_where_its_worker_began() -> None:
    """Its baseline is in the iterations before; for other kinds they do not matter."""
    assert "--iteration 41 --from 30" in anywhere("leak-12345678", Kind.LEAK, KNOWN, Path("/home/ada"))


def test_a_scenario_of_the_project_is_named_as_seen_from_the_working_directory(tmp_path: Path) -> None:
    """Below the folder with `.git`, also upwards; a file outside keeps its path."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "work").mkdir()
    inside = dataclasses.replace(KNOWN, scenario_file=str(tmp_path / "soaks" / "story.py"))
    assert "--scenario soaks/story.py::story " in anywhere(NAME, Kind.CRASH, inside, tmp_path)
    assert "--scenario ../soaks/story.py::story " in anywhere(NAME, Kind.CRASH, inside, tmp_path / "work")
    assert "--scenario /data/story.py::story " in anywhere(NAME, Kind.CRASH, KNOWN, tmp_path)


def test_a_built_in_scenario_goes_by_its_name() -> None:
    """Wherever soak is installed on the other machine."""
    file = catalogue.built_in_files()["start_stop"]
    known = dataclasses.replace(KNOWN, scenario_file=str(file), scenario="start_stop")
    assert "--scenario start_stop --seed" in anywhere(NAME, Kind.CRASH, known, Path("/"))


@pytest.mark.parametrize("commit", ["", "cb06878f0a12", "cb06878f0a12 (changed)"])
def test_what_it_was_seen_with_is_read_back(commit: str) -> None:
    """Version, digest and commit, each of them also where it is not known."""
    known = dataclasses.replace(KNOWN, soak="0.1.0", digest="4fd1c3a2b0e1", commit=commit)
    seen = {"soak": "0.1.0", "digest": "4fd1c3a2b0e1", "commit": commit}
    assert from_as_of(as_of(known, "shop")) == (seen, "shop")


@pytest.mark.parametrize("text", ["0.1.0", "/a/b/c", "a/b/c", "a/b/c/d/e"])
def test_anything_else_is_a_mistake(text: str) -> None:
    """The message shows what came."""
    with pytest.raises(ValueError, match="SOAK/FILE/COMMIT/FOLDER"):
        from_as_of(text)


def test_what_an_older_soak_called_it_elsewhere_is_known() -> None:
    """A file at the project's top was named with its folder: by that name it is the same finding."""
    frame = Frame(function="lift", file="/home/bob/one/arm.py", line=1)
    then = sample(Sighted, kind=Kind.CRASH, frames=(frame,))
    here = dataclasses.replace(then, frames=(dataclasses.replace(frame, file="arm.py"),), project="two")
    assert signature(here) != signature(then)
    assert signature(then).id in names_in(here, "one")
    assert signature(then).id not in names_in(here, "three")
