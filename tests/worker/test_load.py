"""Scenario files and targets: what is loaded, and what is said where that is not possible."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from soak.author import ScenarioBuilder
from soak.worker.load import LoadError, describe, describe_target, load_scenario, load_target, scenarios_in

TWO = '''
import soak

def gl():
    return soak.Ready(env={"MUJOCO_GL": "egl"})

def never():
    return soak.Missing(reason="no display", remedy="buy one")

def broken():
    raise OSError("cannot look")

@soak.scenario(seconds=1.5, target="pkg:Sim", fresh=True, needs=(gl,))
def first(target, rng):
    """The first of two.

    More words.
    """
    yield

seen = first.sometimes("it rained")

@first.operation(threads=2)
def walk(state, rng): ...

@soak.scenario(seconds=2, name="other-name", needs=(gl, never, broken))
def second(target, rng):
    yield

@soak.scenario(seconds=2, needs=(broken,))
def third(target, rng):
    yield
'''


def write(tmp_path: Path, text: str) -> str:
    file = tmp_path / "story.py"
    file.write_text(text)
    return str(file)


def expect(tmp_path: Path, text: str, *words: str, name: str = "") -> None:
    path = write(tmp_path, text)
    with pytest.raises(LoadError) as caught:
        load_scenario(path, name)
    for word in (path, *words):
        assert word in str(caught.value)


def test_scenarios_come_in_the_order_of_their_definition(tmp_path: Path) -> None:
    """All builders of a file are frozen, under their own or their given names."""
    names = [scenario.name for scenario in scenarios_in(write(tmp_path, TWO))]
    assert names == ["first", "other-name", "third"]


def test_a_scenario_is_loaded_by_name(tmp_path: Path) -> None:
    """The named one comes, whole; twice is the same code."""
    path = write(tmp_path, TWO)
    first = load_scenario(path, "first")
    assert (first.summary, first.seconds, first.fresh) == ("The first of two.", 1.5, True)
    assert [operation.name for operation in first.operations] == ["walk"]
    assert load_scenario(path, "first").set_up is first.set_up


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A file that was written anew is not confused with what it was."""
    path = write(tmp_path, TWO)
    scenarios_in(path)
    write(tmp_path, TWO.replace("seconds=1.5", "seconds=2.5"))
    os.utime(path, ns=(1, 1))
    assert load_scenario(path, "first").seconds == 2.5


def test_files_beside_the_scenario_are_importable(tmp_path: Path) -> None:
    """A scenario may import a helper that lies next to it."""
    (tmp_path / "helper_beside_it.py").write_text("SECONDS = 4\n")
    path = write(
        tmp_path,
        "import soak, helper_beside_it as h\n@soak.scenario(seconds=h.SECONDS)\ndef s(t, r): yield\n",
    )
    assert load_scenario(path, "s").seconds == 4


def test_an_unknown_name_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    """The message names all scenarios of the file."""
    expect(tmp_path, TWO, "'fourth'", "first, other-name, third", name="fourth")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A path that leads nowhere, and one that leads to a folder."""
    for path in (tmp_path / "none.py", tmp_path):
        with pytest.raises(LoadError, match=rf"^{re.escape(str(path))}: expected a Python file .* check the"):
            load_scenario(str(path), "x")


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    """The message has file and line."""
    expect(tmp_path, "import soak\n\ndef x(:\n", "story.py:3: ", "invalid syntax")


def test_an_import_error_is_told_with_its_line(tmp_path: Path) -> None:
    """The message says which line of the file raised what, and exits count too."""
    expect(tmp_path, "import soak\nimport no_such_module\n", ":2: ", "ModuleNotFoundError", "no_such_module")
    expect(tmp_path, "x = 1\n\nraise SystemExit(3)\n", ":3: ", "SystemExit: 3")


def test_a_file_without_a_scenario_is_told(tmp_path: Path) -> None:
    """The message says how to write one."""
    expect(tmp_path, "x = 1\n", "found none", "@soak.scenario")


def test_two_scenarios_of_one_name_are_told(tmp_path: Path) -> None:
    """A name must mean one scenario."""
    expect(tmp_path, TWO.replace('"other-name"', '"first"'), "two scenarios are named 'first'")


def test_an_imported_scenario_counts_once(tmp_path: Path) -> None:
    """A builder with two names in the file is one scenario."""
    assert len(scenarios_in(write(tmp_path, TWO + "\nalias = first\n"))) == 3


@pytest.mark.parametrize(
    ("add", "words"),
    [
        ("@first.operation(weight=0)\ndef a(s, r): ...\n", "all weights"),
        ("@first.operation(weight=-1)\ndef a(s, r): ...\n", "weights of at least 0"),
        ("for n in range(60): first.sometimes(str(n))\n", "61 `sometimes`"),
    ],
)
def test_what_cannot_be_run_is_told_at_once(tmp_path: Path, add: str, words: str) -> None:
    """Weights that choose nothing and more `sometimes` than there is room for are the author's mistakes."""
    expect(tmp_path, TWO + add, words, name="first")


def test_describe_evaluates_the_needs(tmp_path: Path) -> None:
    """`describe` says what a file's scenarios are and which of them this machine skips, and why."""
    first, second, third = describe(write(tmp_path, TWO))
    assert first == {
        "name": "first",
        "summary": "The first of two.",
        "seconds": 1.5,
        "operations": ["walk"],
        "nemeses": [],
        "threads": {"walk": 2},
        "pool": 1,
        "rounds": None,
        "fresh": True,
        "real_exit": False,
        "hang_after": None,
        "sometimes": ["it rained"],
        "waived": [],
        "left": [],
        "other_kind": False,
        "target": "pkg:Sim",
        "skip": None,
        "env": {"MUJOCO_GL": "egl"},
    }
    assert second["skip"] == {"reason": "no display", "remedy": "buy one"}
    assert "broken() raised OSError: cannot look" in third["skip"]["reason"]


def test_a_target_is_what_the_string_names() -> None:
    """Attributes of attributes are reached."""
    assert load_target("soak.author:ScenarioBuilder") is ScenarioBuilder
    assert load_target("soak.author:ScenarioBuilder.freeze") is ScenarioBuilder.freeze


def test_the_current_folder_is_importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in the folder where soak is run can be a target."""
    (tmp_path / "sim_in_current_folder.py").write_text("class Sim: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    assert load_target("sim_in_current_folder:Sim").__name__ == "Sim"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("soak.author", "expected MODULE:ATTRIBUTE"),
        (":Sim", "expected MODULE:ATTRIBUTE"),
        ("no_such_module_here:Sim", "importing no_such_module_here raised ModuleNotFoundError"),
        ("soak.author:Simulation", "soak.author has no 'Simulation'; it has .*ScenarioBuilder"),
        ("soak.author:Missing.there", "soak.author.Missing has no 'there'"),
        ("soak:__version__", "expected a class or a function that makes the target, got str"),
    ],
)
def test_a_target_that_leads_nowhere_is_told(target: str, words: str) -> None:
    """The message repeats the string, says what was expected or raised, and what there is."""
    with pytest.raises(LoadError, match=words) as caught:
        load_target(target)
    assert repr(target) in str(caught.value)


def test_a_target_offers_smaller_ones() -> None:
    """As import strings with arguments, the smallest first; those that offer none have none."""
    named = "soak.targets.mujoco_sim:MujocoSim"
    assert describe_target(named)["smaller"] == [f"{named}?scene=one_arm"]
    assert describe_target(f"{named}?scene=workbench")["smaller"] == [
        f"{named}?scene=one_arm",
        f"{named}?scene=two_arms",
    ]
    assert describe_target("soak.author:ScenarioBuilder")["smaller"] == []
