"""Which scenarios a command line means, and what it says when it means none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from soak import catalogue
from tests.cli.command import Soak

PAIR = """
@soak.scenario(seconds=5.0, rounds=1)
def left(target, rng):
    '''The left one.'''
    yield

@soak.scenario(seconds=5.0, rounds=1)
def right(target, rng):
    '''The right one.'''
    yield
"""

ONE = "@soak.scenario(seconds=5.0, rounds=1)\ndef alone(target, rng):\n    yield\n"


def names(soak: Soak, *words: str | Path) -> list[str]:
    document = soak("run", *words, "--count", "1", "--json").document()
    return [row["scenario"] for row in document["scenarios"]]


def test_a_file_stands_for_all_its_scenarios(soak: Soak) -> None:
    """A path: both are run, in the order of their definition; FILE::NAME: the one."""
    story = soak.story(PAIR)
    assert names(soak, story) == ["left", "right"]
    assert names(soak, f"{story}::right") == ["right"]
    assert names(soak, "story.py::left") == ["left"], "a relative path is one from the current folder"


def test_a_scenario_named_twice_is_run_once(soak: Soak) -> None:
    """The file and one of its scenarios: two scenarios, one iteration each."""
    story = soak.story(PAIR)
    assert names(soak, story, f"{story}::left") == ["left", "right"]


def test_an_installed_scenario_is_found_by_its_entry_point(soak: Soak) -> None:
    """A package's entry point in the group soak.scenarios: listed, and run by its name."""
    site = soak.folder / "site"
    soak.story(ONE, "site/warehouse/shelves.py")
    (site / "warehouse" / "__init__.py").touch()
    about = site / "warehouse-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: warehouse\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[soak.scenarios]\nshelves = warehouse.shelves\n")
    env = {"PYTHONPATH": f"{site}{os.pathsep}{os.environ['PYTHONPATH']}"}
    assert "alone" in soak("list", env=env).stdout
    done = soak("run", "shelves", "--count", "1", "--json", env=env)
    assert done.code == 0, done.stderr
    assert [row["scenario"] for row in done.document()["scenarios"]] == ["alone"]


def test_an_entry_point_that_leads_nowhere_hides_nothing(soak: Soak) -> None:
    """A package that was half removed: the other scenarios are listed and run all the same."""
    about = soak.folder / "site" / "ghost-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ghost\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[soak.scenarios]\nboo = ghost.house.hall\n")
    env = {"PYTHONPATH": f"{about.parent}{os.pathsep}{os.environ['PYTHONPATH']}"}
    listed = soak("list", env=env)
    assert listed.code == 0, listed.stderr
    assert "mutation_storm" in listed.stdout
    assert soak("run", soak.story(ONE), "--count", "1", env=env).code == 0


def test_an_unknown_scenario_is_answered_with_the_known_ones(soak: Soak) -> None:
    """Exit code 2, before anything is run: what was asked for, what there is."""
    done = soak("run", "mutation_strom")
    assert done.code == 2
    assert "unknown scenario 'mutation_strom'" in done.stderr
    for name in catalogue.built_in_files():
        assert name in done.stderr
    assert not (done.out / "runs").exists()


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("nowhere.py", "does not exist"),
        ("story.py::middle", "it has left, right"),
        ("folder/", "is a folder"),
    ],
)
def test_a_path_that_leads_nowhere_is_a_mistake(soak: Soak, word: str, says: str) -> None:
    """Exit code 2, with what came instead."""
    soak.story(PAIR)
    (soak.folder / "folder").mkdir()
    done = soak("run", word, "--count", "1")
    assert done.code == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1\nif True\n    pass\n", "story.py:4:"),
        ("x = 1\n", "expected at least one scenario"),
        ("raise RuntimeError('no licence')\n", "story.py:3: importing it raised RuntimeError: no licence"),
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("sys.exit(3)\n", "SystemExit"),
        ("os._exit(3)\n", "exit status 3"),
        (ONE + ONE.replace("def alone", "def other").replace("5.0", "5.0, name='alone'"), "two scenarios"),
    ],
    ids=["syntax", "none", "raises", "import", "exit", "C exit", "twice"],
)
def test_a_scenario_file_that_is_wrong_is_told_with_its_line(soak: Soak, source: str, says: str) -> None:
    """Exit code 2 (4 where it ended the interpreter), the place, and what to do."""
    done = soak("run", soak.story(source), "--count", "1")
    assert done.code == (4 if "os._exit" in source else 2), done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_two_files_with_a_scenario_of_one_name_are_a_mistake(soak: Soak) -> None:
    """Findings and reports go by the scenario's name: two of one name would be mixed up."""
    first, second = soak.story(ONE, "first.py"), soak.story(ONE, "second.py")
    done = soak("run", first, second, "--count", "1")
    assert done.code == 2
    assert "alone" in done.stderr
    assert "first.py" in done.stderr
    assert "second.py" in done.stderr


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nowhere:Sim", "No module named 'nowhere'"),
        ("shop", "expected MODULE:ATTRIBUTE"),
        ("shop:Warehouse", "it has"),
        ("shop:PRICE", "got int"),
        ("closed:Sim", "ZeroDivisionError"),
        ("gone:Sim", "exit status 7"),
    ],
)
def test_a_target_that_cannot_be_had_is_a_mistake(soak: Soak, target: str, says: str) -> None:
    """Exit code 2: the import string, what came of it, what to do; the run ends at once."""
    soak.story("class Sim: pass\nPRICE = 3\n", "shop.py")
    soak.story("1 / 0\n", "closed.py")
    soak.story("os._exit(7)\n", "gone.py")
    done = soak("run", soak.story(PAIR), "--count", "3", "--target", target)
    assert done.code == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_target_is_found_in_the_current_folder(soak: Soak) -> None:
    """--target shop:Sim stands in for the scenario's own, which is not even imported."""
    soak.story("class Sim:\n    answer = 42\n", "shop.py")
    story = soak.story(
        "@soak.scenario(seconds=5.0, rounds=1, target='no_such:Thing')\n"
        "def asks(target, rng):\n"
        "    yield target()\n"
        "@asks.operation(threads=1)\n"
        "def ask(sim, rng):\n"
        "    soak.always(sim.answer == 42, 'it knows')\n"
    )
    assert soak("run", story, "--count", "1", "--target", "shop:Sim").code == 0
    assert soak("run", story, "--count", "1").code == 4


def test_a_scenario_whose_need_is_not_met_is_skipped_by_name(soak: Soak) -> None:
    """The reason and the remedy are told; the others run; when none is left, exit code 4."""
    story = soak.story(
        "def a_robot():\n"
        "    return soak.Missing(reason='no robot is connected', remedy='plug one in')\n"
        + PAIR.replace("rounds=1", "rounds=1, needs=(a_robot,)", 1)
    )
    done = soak("run", story, "--count", "1", "--json")
    assert done.code == 0
    assert done.document()["skipped"] == [
        {"scenario": "left", "reason": "no robot is connected", "remedy": "plug one in"}
    ]
    none_left = soak("run", f"{story}::left", "--count", "1")
    assert none_left.code == 4
    assert "left: no robot is connected; plug one in" in none_left.stderr
    assert "skipped here: no robot is connected" not in soak("list").stdout


def test_the_current_interpreter_is_no_other(soak: Soak) -> None:
    """--python with our own path is as without."""
    done = soak("run", soak.story(ONE), "--count", "1", "--python", sys.executable)
    assert done.code == 0
