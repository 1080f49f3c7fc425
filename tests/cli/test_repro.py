"""`soak repro`: a finding comes back from its name alone, and how often it does is counted and kept."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import Done, Soak

#: The third iteration of every worker's seed breaks the promise: iteration 2, whoever runs it.
ROLLS = """
@soak.scenario(seconds=5.0, rounds=1)
def rolls(target, rng):
    yield rng.random()

@rolls.operation(threads=1)
def roll(state, rng):
    soak.always(state < 0.75, "no roll is high")
"""

SEGV = """
@soak.scenario(seconds=5.0, rounds=1)
def dies(target, rng):
    yield

@dies.operation(threads=1)
def follow_null(state, rng):
    import ctypes
    ctypes.string_at(0)
"""


def found(soak: Soak, story: Path, *words: str) -> Done:
    done = soak("run", story, "--until-fail", "--minutes", "5", "--json", *words)
    assert done.code == 1, done.stderr
    return done


def test_a_deterministic_crash_comes_back_every_time(soak: Soak) -> None:
    """3 of 3, exit code 1; the rate and its interval are said, and kept with the finding."""
    name = found(soak, soak.story(SEGV)).finding().name
    again = soak("repro", name, "--count", "3")
    assert again.code == 1
    assert again.stdout.startswith("brought back 3/3 (100 %, 95 % interval 44–100 %)")
    (measured,) = json.loads((again.finding() / "finding.json").read_text())["reproductions"]
    assert (measured["hits"], measured["tries"]) == (3, 3)
    assert "3/3" in soak("show", name).stdout


def test_a_choice_of_the_seed_comes_back(soak: Soak) -> None:
    """The iteration that rolled high rolls high again, in every one of 4 fresh workers; no other is run."""
    first = found(soak, soak.story(ROLLS), "--seed", "11")
    (finding,) = first.document()["findings"]
    again = soak("repro", finding["finding"], "--count", "4", "--json")
    result = json.loads(again.stdout)
    assert (result["hits"], result["tries"], result["different"]) == (4, 4, {})
    assert result["finding"] == finding["finding"]
    assert "brought back 4/4" in again.stderr


def test_what_is_mended_does_not_come_back(soak: Soak) -> None:
    """The scenario's file was corrected: 0 of 3, exit code 0, with what that bounds."""
    story = soak.story(SEGV)
    name = found(soak, story).finding().name
    story.write_text(story.read_text().replace("ctypes.string_at(0)", "pass"))
    again = soak("repro", name, "--count", "3")
    assert again.code == 0
    assert "brought back 0/3" in again.stdout


def test_another_finding_is_kept_and_called_different(soak: Soak) -> None:
    """The same iteration now breaks something else: 0 of 2, exit code 1, and the other one is named."""
    story = soak.story(SEGV)
    name = found(soak, story).finding().name
    story.write_text(story.read_text().replace("ctypes.string_at(0)", "soak.always(False, 'all new')"))
    again = soak("repro", name, "--count", "2")
    assert again.code == 1
    assert "brought back 0/2" in again.stdout
    (other,) = [folder.name for folder in again.findings() if folder.name != name]
    assert f"a different finding came 2×, and was kept: {other}" in again.stdout


def test_a_name_may_be_cut_short(soak: Soak) -> None:
    """The beginning of a name will do, and so will its hexadecimal part."""
    name = found(soak, soak.story(SEGV)).finding().name
    assert soak("repro", name[:8], "--count", "1").code == 1
    assert soak("repro", name.rpartition("-")[2][:5], "--count", "1").code == 1


def test_an_unknown_or_ambiguous_name_is_a_mistake(soak: Soak) -> None:
    """Exit code 2, and the names that there are."""
    nothing = soak("repro", "crash-123")
    assert nothing.code == 2
    assert "none yet" in nothing.stderr
    for promise in ("one", "two"):
        broken = ROLLS.replace("state < 0.75", "False").replace("no roll is high", promise)
        soak("run", soak.story(broken), "--count", "1")
    names = [folder.name for folder in nothing.findings()]
    assert len(names) == 2
    several = soak("repro", "violation")
    assert several.code == 2
    assert "'violation' names 2 findings" in several.stderr
    wrong = soak("repro", "nobody")
    assert wrong.code == 2
    assert all(name in wrong.stderr for name in names)


def test_a_scenario_file_that_is_gone_is_told(soak: Soak) -> None:
    """Exit code 2: the file that the finding came from is named."""
    story = soak.story(SEGV)
    name = found(soak, story).finding().name
    story.unlink()
    again = soak("repro", name)
    assert again.code == 2
    assert str(story) in again.stderr


def test_the_target_of_the_finding_is_brought_back_too(soak: Soak) -> None:
    """--target of the run is part of the reproducer."""
    soak.story("class Sim:\n    broken = True\n", "shop.py")
    story = soak.story(
        """
        @soak.scenario(seconds=5.0, rounds=1)
        def asks(target, rng):
            yield target()

        @asks.operation(threads=1)
        def ask(sim, rng):
            soak.always(not sim.broken, "it is whole")
        """
    )
    name = found(soak, story, "--target", "shop:Sim").finding().name
    assert "brought back 2/2" in soak("repro", name, "--count", "2").stdout


def test_a_leak_comes_back_with_the_iterations_before_it(soak: Soak) -> None:
    """One iteration alone shows no leak: the reproducer runs the worker's earlier ones as well."""
    story = soak.story(
        """
        @soak.scenario(seconds=5.0, rounds=1)
        def leaks(target, rng):
            yield

        @leaks.operation(threads=1)
        def forget(state, rng):
            os.open("/dev/null", os.O_RDONLY)
        """
    )
    name = found(soak, story).finding().name
    again = soak("repro", name, "--count", "2")
    assert "brought back 2/2" in again.stdout, again.stdout


#: Every third try breaks the promise, whoever makes it: they are counted in a file beside the story.
SOMETIMES = """
import pathlib

@soak.scenario(seconds=5.0, rounds=1)
def sometimes(target, rng):
    yield pathlib.Path(__file__).with_name("tries")

@sometimes.operation(threads=1)
def work(tries, rng):
    with tries.open("a") as file:
        file.write("x")
    soak.always(len(tries.read_text()) % 3 != {rest}, "no third try")
"""


def elsewhere(done: Done) -> list[str]:
    """The words of the line that a report gives for other checkouts, without `soak`."""
    (line,) = [line for line in done.stdout.splitlines() if line.strip().startswith("elsewhere: ")]
    return shlex.split(line.partition(": ")[2])[1:]


@pytest.fixture
def checkouts(tmp_path: Path) -> tuple[Soak, Soak]:
    """Two checkouts of one commit, with a scenario in a folder and the target it imports at the top."""
    one, two = Soak(tmp_path / "one"), Soak(tmp_path / "two")
    one.folder.mkdir()
    one.story(
        """
        class Sim:
            broken = True

            def jam(self):
                raise ValueError("jammed")
        """,
        "shop.py",
    )
    one.story(
        """
        @soak.scenario(seconds=5.0, rounds=1)
        def asks(target, rng):
            yield target(), rng.random()

        @asks.operation(threads=1)
        def ask(state, rng):
            soak.always(not state[0].broken or state[1] < 0.75, "a whole one never rolls high")
        """,
        "soaks/story.py",
    )
    for words in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "commit", "-qm", "shop"),
    ):
        subprocess.run(["git", "-C", one.folder, *words], check=True)
    shutil.copytree(one.folder, two.folder)
    return one, two


def test_the_line_of_a_report_works_on_another_checkout(checkouts: tuple[Soak, Soak]) -> None:
    """Its scenario, seed, iteration and target are in it: 2 of 2 where no store knows it, all as it was."""
    one, two = checkouts
    found = one(
        "run", "soaks/story.py", "--target", "shop:Sim", "--seed", "11", "--until-fail", "--minutes", "5"
    )
    assert found.code == 1, found.stderr
    words = elsewhere(found)
    assert str(one.folder) not in shlex.join(words)
    again = two(*words, "--count", "2")
    assert again.code == 1, again.stderr
    assert again.stdout.startswith("brought back 2/2"), again.stderr
    assert again.finding().name == found.finding().name
    assert "all the same" not in again.stderr


def test_a_checkouts_folder_is_no_part_of_a_name(checkouts: tuple[Soak, Soak]) -> None:
    """An error in a file at the project's top is one finding in two folders, and is brought back in both."""
    one, two = checkouts
    for soak in checkouts:
        story = soak.folder / "soaks" / "story.py"
        story.write_text(story.read_text().replace("soak.always(", "state[0].jam() or soak.always("))
    found = one("run", "soaks/story.py", "--target", "shop:Sim", "--count", "1")
    again = two(*elsewhere(found), "--count", "1")
    assert again.stdout.startswith("brought back 1/1"), again.stdout + again.stderr
    assert "different" not in again.stdout
    assert again.finding().name == found.finding().name
    assert "ValueError in jam (shop.py): jammed" in found.stdout


def test_the_line_says_what_is_not_as_it_was(checkouts: tuple[Soak, Soak]) -> None:
    """Another soak, a changed scenario and another commit are told, and it is tried all the same."""
    one, two = checkouts
    found = one(
        "run", "soaks/story.py", "--target", "shop:Sim", "--seed", "11", "--until-fail", "--minutes", "5"
    )
    words = elsewhere(found)
    as_of = words[words.index("--as-of") + 1]
    _soak, digest, _commit, folder = as_of.split("/")
    words[words.index("--as-of") + 1] = f"0.0.9/{digest}/abc123/{folder}"
    with (two.folder / "soaks" / "story.py").open("a") as file:
        file.write("# changed\n")
    again = two(*words, "--count", "1")
    assert "brought back 1/1" in again.stdout
    assert "it was found with soak 0.0.9, and this is" in again.stderr
    assert "story.py has changed since" in again.stderr
    assert "it was found at commit" in again.stderr


def test_half_a_line_is_a_mistake(soak: Soak) -> None:
    """What is missing or malformed is named, with exit code 2."""
    for words, said in (
        (("--scenario", "start_stop"), "--scenario needs --seed and --iteration too"),
        (
            ("--scenario", "start_stop", "--seed", "1", "--iteration", "0", "--env", "X"),
            "expected NAME=VALUE",
        ),
        (
            ("--scenario", "start_stop", "--seed", "1", "--iteration", "0", "--as-of", "x"),
            "SOAK/FILE/COMMIT/FOLDER",
        ),
    ):
        done = soak("repro", "crash-12345678", *words)
        assert (done.code, said in done.stderr) == (2, True), done.stderr
    done = soak("repro", "crash", "--scenario", "start_stop", "--seed", "1", "--iteration", "0")
    assert (done.code, "the whole name of a finding" in done.stderr) == (2, True), done.stderr


def test_until_it_comes_back(soak: Soak) -> None:
    """--until-hit ends with the first hit, here the second try, and is no measurement of a rate."""
    name = found(soak, soak.story(SOMETIMES.format(rest=1))).finding().name
    (soak.folder / "tries").write_text("xx")
    again = soak("repro", name, "--until-hit")
    assert again.code == 1
    assert again.stdout.startswith("brought back 1/2"), again.stdout
    assert json.loads((again.finding() / "finding.json").read_text())["reproductions"] == []


def test_a_miss_is_judged_by_the_rate_before(soak: Soak) -> None:
    """With none, the chance of that is told, by the rate that was measured last."""
    story = soak.story(SOMETIMES.format(rest=1))
    name = soak("run", story, "--count", "9").finding().name
    (soak.folder / "tries").write_text("")
    missed = soak("repro", name, "--count", "3")
    assert missed.stdout.startswith("brought back 1/3"), missed.stdout
    story.write_text(story.read_text().replace("% 3 != 1", "% 3 != 5"))
    missed = soak("repro", name, "--count", "4")
    assert missed.code == 0
    assert "brought back 0/4; if the rate measured on" in missed.stdout
    assert "(1/3, 33 %) were true, the chance of this is 20 %" in missed.stdout
    assert "story.py has changed since" in missed.stderr


def test_the_rate_of_a_run_stands_in_for_a_measured_one(soak: Soak) -> None:
    """Nobody has measured the reproducer yet: the run's rate per iteration is said as what it is."""
    story = soak.story(SOMETIMES.format(rest=1))
    name = soak("run", story, "--count", "9").finding().name
    story.write_text(story.read_text().replace("% 3 != 1", "% 3 != 5"))
    missed = soak("repro", name, "--count", "2", "--json")
    before = json.loads(missed.stdout)["before"]
    assert (before["hits"], before["tries"]) == (3, 9)
    assert "per iteration of run" in missed.stderr


def test_the_environment_it_was_seen_with_is_set_again(soak: Soak) -> None:
    """A variable that changes what a race looks like is part of the reproducer; another value is told."""
    story = soak.story(
        """
        @soak.scenario(seconds=5.0, rounds=1)
        def reads(target, rng):
            yield os.environ.get("MALLOC_PERTURB_")

        @reads.operation(threads=1)
        def read(value, rng):
            soak.always(value != "165", "memory is not perturbed")
        """
    )
    done = soak("run", story, "--until-fail", "--minutes", "5", env={"MALLOC_PERTURB_": "165"})
    name = done.finding().name
    assert "--env MALLOC_PERTURB_=165" in done.stdout
    assert "brought back 1/1" in soak("repro", name, "--count", "1").stdout
    other = soak("repro", name, "--count", "1", env={"MALLOC_PERTURB_": "1"})
    assert "brought back 0/1" in other.stdout
    assert "MALLOC_PERTURB_ was '165', and is '1' here" in other.stderr
