"""The file that narrows a scenario: a few lines, which mean what was measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from soak import catalogue
from soak.triage.shape import Shape, Source
from soak.worker.load import load_scenario

STORY = """
import soak

@soak.scenario(seconds=5.0, threads=3)
def tale(target, rng):
    yield

@tale.operation(threads=2)
def tell(state, rng):
    pass

@tale.operation()
def hear(state, rng):
    pass

@tale.nemesis(every=1.0)
def cough(state, rng):
    pass
"""

WHOLE = Shape(
    operations=("tell", "hear"),
    threads={"tell": 2},
    pool=3,
    nemeses=("cough",),
    seconds=5.0,
    rounds=None,
    perturb="light",
    target="",
)


def source(folder: Path) -> Source:
    file = folder / "story.py"
    file.write_text(STORY)
    return Source(file=file, name="tale", whole=WHOLE)


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    """The whole needs no word but where it is."""
    text = source(tmp_path).text(WHOLE, tmp_path, "Whole.")
    assert text == (
        '"""Whole."""\n\nimport soak\n\ntale = soak.narrowed(\n'
        '    "story.py::tale",\n    beside=__file__,\n)\n'
    )


def test_the_file_means_what_was_measured(tmp_path: Path) -> None:
    """Read again, from another folder, with a docstring that would end it, it is the shape."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    small = dataclasses.replace(
        WHOLE, operations=("tell",), threads={"tell": 1}, nemeses=(), seconds=0.5, rounds=2, target="x:Y?z=1"
    )
    file = deep / "small.py"
    file.write_text(source(tmp_path).text(small, deep, 'It said """no""" \\ and "yes"'))
    read = load_scenario(str(file), "tale")
    assert [(each.name, each.threads) for each in read.operations] == [("tell", 1)]
    assert (read.nemeses, read.seconds, read.rounds, read.target) == ((), 0.5, 2, "x:Y?z=1")
    assert len(file.read_text().splitlines()) <= 15


def test_a_built_in_scenario_is_named_without_a_path(tmp_path: Path) -> None:
    """So that the file works in any checkout."""
    built_in = Source(file=catalogue.built_in_files()["start_stop"], name="start_stop", whole=WHOLE)
    assert built_in.word_for(tmp_path) == "start_stop::start_stop"
    assert "beside" not in built_in.text(WHOLE, tmp_path, "x")


def test_the_workforce_is_counted_over_what_stays() -> None:
    """Threads of their own, and the pool where an operation is the pool's."""
    assert WHOLE.workforce == 5
    assert dataclasses.replace(WHOLE, operations=("tell",)).workforce == 2
    assert dataclasses.replace(WHOLE, operations=("hear",)).workforce == 3
    assert dataclasses.replace(WHOLE, operations=()).workforce == 0
