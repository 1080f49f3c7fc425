"""The catalogue is complete and true to what it names, and a sighting is judged rightly."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import soak
from soak.canaries import lifecycle
from soak.canaries.canary import Canary, Smelled, judge, words_of
from soak.canaries.catalogue import CANARIES, CLEAN
from soak.canaries.hostile_canaries import HOSTILE, hostile_file
from soak.canaries.simulation_canaries import SIMULATION
from soak.events import Frame, Kind, Sighted
from soak.supervisor.interpreter import find_interpreter
from soak.supervisor.plan import base_environment
from soak.worker.fit import fit
from soak.worker.load import load_target

BUILT_IN = Path(soak.__file__).parents[1] / "scenarios"
FILES = [path for path in Path(hostile_file("quiet")).parent.glob("*.py") if path.stem != "__init__"]

_RESOLVE = """
import importlib, inspect, sys
for text in sys.argv[1:]:
    module, _, name = text.partition(":")
    print(getattr(importlib.import_module(module), name).__name__)
modules = sorted({text.partition(":")[0] for text in sys.argv[1:]})
print("all:", *(name for own in modules for name, kind in vars(importlib.import_module(own)).items()
                if inspect.isclass(kind) and kind.__module__ == own and name[0] != "_"))
"""

PLANTED = Canary(
    name="planted", about="a planted hang", scenario="x.py", expect=(Kind.HANG, Kind.CRASH), says=r"lock_\w+"
)


def sighted(kind: Kind, title: str = "", *, t: float = 0.0, frames: tuple[Frame, ...] = ()) -> Sighted:
    return Sighted(
        t=t,
        sighting=1,
        worker=1,
        scenario="x",
        kind=kind,
        title=title,
        promise="",
        detail="",
        frames=frames,
        doing=(),
        signal=0,
        tainted=False,
        shutdown=False,
        iteration=0,
        first_iteration=0,
        evidence=(),
    )


def test_names_are_unique_and_every_canary_says_what_it_is() -> None:
    """A canary can be asked for by name, and its line in the table is not empty."""
    names = [canary.name for canary in CANARIES]
    assert len(set(names)) == len(names)
    assert all(canary.about and canary.expect and canary.expected for canary in CANARIES)


def test_every_hostile_file_is_a_canary_but_for_the_quiet_and_the_flaky_one() -> None:
    """No hostile scenario is forgotten: `quiet` is a clean one, `flaky_segfault` is the benchmark's."""
    listed = {Path(canary.scenario) for canary in HOSTILE}
    assert listed == set(FILES) - {Path(hostile_file("quiet")), Path(hostile_file("flaky_segfault"))}
    assert hostile_file("quiet") in [pair.scenario for pair in CLEAN]


def test_every_scenario_of_the_catalogue_is_there(tmp_path: Path) -> None:
    """Every file describes exactly one scenario, named as the file; every built-in name has its file."""
    scenarios = {canary.scenario for canary in CANARIES} | {pair.scenario for pair in CLEAN}
    files = [Path(name) if name.endswith(".py") else BUILT_IN / f"{name}.py" for name in scenarios]
    interpreter = find_interpreter("", tmp_path)
    described = interpreter.describe(
        [*files, Path(hostile_file("flaky_segfault"))], base_environment(interpreter.python_path)
    )
    names = {
        Path(record["file"]).stem: [each["name"] for each in record["scenarios"]] for record in described
    }
    assert names == {path.stem: [path.stem] for path in (*files, Path(hostile_file("flaky_segfault")))}


def test_every_target_of_the_catalogue_can_be_imported() -> None:
    """Import strings lead to classes, and every class that carries a defect is in the catalogue."""
    targets = sorted({canary.target for canary in CANARIES if canary.target})
    done = subprocess.run(
        [sys.executable, "-c", _RESOLVE, *targets], capture_output=True, text=True, timeout=120, check=True
    )
    *imported, everything = done.stdout.splitlines()
    assert imported == [target.partition(":")[2] for target in targets]
    assert set(everything.split()[1:]) == set(imported)


@pytest.mark.parametrize("defect", ["LeakedThread", "LeakedDescriptor", "LeakedMemory"])
def test_whole_lives_can_be_soaked_with_their_defects(defect: str) -> None:
    """The lifecycle takes the simulation's canaries: one that cannot start finds nothing."""
    target = load_target(f"soak.canaries.simulation:{defect}")
    assert fit(lifecycle.lifecycle.freeze(), target).skip is None


def test_the_catalogue_imports_no_target() -> None:
    """Reading the catalogue, as the command line does, imports neither mujoco nor a target."""
    code = (
        "import sys, soak.canaries.catalogue\n"
        "sys.exit(bool({'mujoco', 'numpy', 'soak.targets', 'soak.canaries.simulation'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_expectations_can_be_searched_for() -> None:
    """Every `says` is a regular expression; the simulation's canaries expect nothing of the harness."""
    assert all(re.compile(canary.says) for canary in CANARIES)
    assert not any({Kind.HARNESS, Kind.INFRA} & set(canary.expect) for canary in SIMULATION)


def test_the_right_kind_that_says_the_right_thing_is_found() -> None:
    """Any expected kind will do, and `says` may be met by a frame; how soon counts from the run's start."""
    frame = Frame(function="lock_twice", file="x.py", line=3)
    outcome = judge(PLANTED, [sighted(Kind.CRASH, "SIGSEGV", t=12.5, frames=(frame,))], started=10.0)
    assert outcome.ok
    assert outcome.seconds == 2.5
    assert outcome.found == "crash: SIGSEGV"


@pytest.mark.parametrize(
    ("sightings", "smelled", "found"),
    [
        ([], Smelled.NOTHING, "nothing"),
        ([sighted(Kind.EXIT, "lock_twice")], Smelled.WRONG, "exit: lock_twice"),
        ([sighted(Kind.HANG, "hang in spin")], Smelled.WRONG, "hang: hang in spin"),
        ([sighted(Kind.LEAK, "x"), sighted(Kind.HANG, "lock_twice")], Smelled.RIGHT, "hang: lock_twice"),
        (
            [sighted(Kind.HANG, "lock_twice"), sighted(Kind.HARNESS, "oh")],
            Smelled.WRONG,
            "harness: oh",
        ),
    ],
)
def test_anything_else_is_not_found(sightings: list[Sighted], smelled: Smelled, found: str) -> None:
    """Nothing, the wrong kind, the wrong words and a fault of the harness are told apart."""
    outcome = judge(PLANTED, sightings)
    assert (outcome.smelled, outcome.found) == (smelled, found)
    assert outcome.ok is (smelled is Smelled.RIGHT)


def test_a_sighting_that_is_earlier_than_the_start_took_no_time() -> None:
    """Clocks that were set back do not make negative times."""
    assert judge(PLANTED, [sighted(Kind.HANG, "lock_a", t=1.0)], started=2.0).seconds == 0.0
    assert judge(PLANTED, [], started=2.0).seconds is None


def test_words_are_one_thing_per_line() -> None:
    """What `says` searches: title first, frames last, each on a line of its own."""
    text = words_of(sighted(Kind.HANG, "title", frames=(Frame(function="f", file="g.py"),)))
    assert text.splitlines()[0] == "title"
    assert text.splitlines()[-1] == "f (g.py)"
