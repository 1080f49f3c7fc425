"""`soak repro`: a finding comes back from its name alone, and how often it does is counted and kept."""

from __future__ import annotations

import json
from pathlib import Path

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
