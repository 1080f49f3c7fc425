"""`soak triage`: whether a finding needs what ran before it in its process."""

from __future__ import annotations

import json

import pytest

from tests.cli.command import Soak

#: The third iteration of a process breaks the promise, whichever it is.
GROWS = """
SEEN = []

@soak.scenario(seconds=5.0, rounds=1)
def grows(target, rng):
    yield

@grows.operation(threads=1)
def grow(state, rng):
    SEEN.append(1)
    soak.always(len(SEEN) < 3, "little is kept")
"""

#: The victim fails where the poisoner was in its process; and, so that a run finds it, where FOUND is set.
POISONED = """
POISON = []

@soak.scenario(seconds=5.0, rounds=1)
def harmless(target, rng):
    yield

@harmless.operation(threads=1)
def rest(state, rng):
    pass

@soak.scenario(seconds=5.0, rounds=1)
def poisoner(target, rng):
    yield

@poisoner.operation(threads=1)
def poison(state, rng):
    POISON.append(1)

@soak.scenario(seconds=5.0, rounds=1)
def victim(target, rng):
    yield

@victim.operation(threads=1)
def suffer(state, rng):
    soak.always(not POISON and not os.environ.get("FOUND"), "nothing is poisoned")
"""


def test_state_from_earlier_iterations_is_found(soak: Soak) -> None:
    """Alone never, after its worker's earlier two always; neither of the two can be left out."""
    found = soak("run", soak.story(GROWS), "--until-fail", "--minutes", "5")
    name = found.finding().name
    done = soak("triage", name, "--count", "5")
    assert done.code == 1, done.stderr
    assert done.stdout.splitlines()[0] == (
        "alone 0/5, after its own iterations 0, 1 5/5 → state leaks from its own earlier iterations"
    )
    assert "0/5 (0 %, 95 % interval 0–43 %)  after its own iteration 1, p = 1 (Fisher)" in done.stdout
    assert not (found.out / "triage").exists() or not list((found.out / "triage").iterdir())
    assert soak("show", name).stdout.count("1×") <= 1  # tries are counted, not filed


def test_state_from_another_scenario_is_found(soak: Soak) -> None:
    """Of those that the run had begun before, in the order of their beginnings; it is named."""
    story = soak.story(POISONED)
    found = soak("run", story, "--jobs", "1", "--count", "1", env={"FOUND": "1"})
    done = soak("triage", found.finding().name, "--count", "5", "--json")
    assert done.code == 1, done.stderr
    document = done.document()
    assert document["leaks_from"] == ["poisoner"]
    assert (document["alone"]["hits"], document["alone"]["tries"]) == (0, 5)
    order = document["trials"][0]
    assert {scenario for scenario, _ in order["after"]} == {"harmless", "poisoner"}
    assert (order["hits"], order["tries"], order["p_value"]) == (5, 5, pytest.approx(1 / 252))
    assert len(document["shortest"]["after"]) == 1
    assert "→ state leaks from poisoner" in done.stderr


def test_a_scenario_may_be_named(soak: Soak) -> None:
    """An innocent one: the finding does not come back, exit code 0."""
    story = soak.story(POISONED)
    found = soak("run", f"{story}::victim", "--count", "1", env={"FOUND": "1"})
    done = soak("triage", found.finding().name, "--count", "5", "--after", f"{story}::harmless")
    assert done.code == 0, done.stderr
    assert done.stdout.startswith("alone 0/5, and after all that was before it neither")
    own = soak("triage", found.finding().name, "--after", f"{story}::victim")
    assert (own.code, "own scenario" in own.stderr) == (2, True)


def test_what_needs_nothing_is_told_at_once(soak: Soak) -> None:
    """5 of 5 alone: no other order is tried."""
    found = soak("run", soak.story(GROWS.replace("len(SEEN) < 3", "False")), "--until-fail")
    done = soak("triage", found.finding().name, "--count", "5")
    assert done.code == 1
    assert done.stdout.startswith("alone 5/5 → it needs nothing before it\n")


def test_a_leak_is_no_case_for_it(soak: Soak) -> None:
    """It needs its iterations by its nature: exit code 2, with what to do instead."""
    leaks = GROWS.replace("SEEN.append(1)", 'os.open("/dev/null", os.O_RDONLY)')
    found = soak("run", soak.story(leaks), "--until-fail", "--minutes", "5")
    done = soak("triage", found.finding().name)
    assert done.code == 2
    assert "soak shrink" in done.stderr


#: Where FOUND is not set, another promise breaks than the one that the run has found.
TWO_FACES = """
@soak.scenario(seconds=5.0, rounds=1)
def two_faces(target, rng):
    yield

@two_faces.operation(threads=1)
def look(state, rng):
    soak.always("FOUND" not in os.environ, "the one")
    soak.always("FOUND" in os.environ, "the other")
"""


def test_another_finding_on_the_way_is_kept_and_told(soak: Soak) -> None:
    """Once, with what brings it back, however often it comes; the one in question is not filed again."""
    found = soak("run", soak.story(TWO_FACES), "--count", "1", env={"FOUND": "1"})
    first = found.finding().name
    done = soak("triage", first, "--count", "5")
    assert done.code == 0, done.stderr
    assert "a different finding came 5×, and was kept: violation-" in done.stderr
    kept = {each["id"]: each for each in json.loads(soak("show", "--json").stdout)}
    (other,) = kept.keys() - {first}
    assert kept[other]["title"] == "the other"
    assert (kept[first]["count"], kept[other]["count"]) == (1, 1)
    assert soak("repro", other, "--count", "2").code == 1
