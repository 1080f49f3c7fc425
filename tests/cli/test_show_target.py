"""`soak show --target`: what a target can do, and who can use it, asked in the workers' interpreter."""

from __future__ import annotations

from tests.cli.command import Soak

LAB = "tests.targets.lab:Glue"


def test_verbs_and_scenarios_are_told(soak: Soak) -> None:
    """What is there, what is missing and how to add it, and which scenarios lose what by that."""
    done = soak("show", "--target", LAB)
    assert done.code == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("  ")}
    assert lines["start"].endswith("yes")
    assert "no: define run(self" in lines["run"]
    assert "yes, without" in lines["mutation_storm"]
    assert "block (run)" in lines["mutation_storm"]
    assert "no: the target has no run_numbers" in lines["guard_history"]
    assert "of another kind" in lines["hot_swap"]


def test_the_same_as_json(soak: Soak) -> None:
    """Verbs with their remedies, and the scenarios as `soak list --json` says them."""
    document = soak("show", "target", "--target", LAB, "--json").document()
    assert document["verbs"]["start"] == ""
    assert "define run" in document["verbs"]["run"]
    storm = next(each for each in document["scenarios"] if each["name"] == "mutation_storm")
    assert "remove_with_policy" in {each["operation"] for each in storm["left"]}
    assert "a mutation met a blocking policy" in storm["waived"]


def test_a_class_without_verbs_is_told_of_glue(soak: Soak) -> None:
    """It declares none, and cannot be used by scenarios that need them; a function cannot be known."""
    soak.story("class Engine: pass\ndef make(): return Engine()\n", "own.py")
    done = soak("show", "--target", "own:Engine")
    assert "declares no verbs" in done.stdout
    assert "mutation_storm" in done.stdout
    assert "cannot be known" in soak("show", "--target", "own:make").stdout


def test_mistakes_are_told(soak: Soak) -> None:
    """No target named, or none of that name: exit code 2, in words."""
    for words, says in ((("target",), "Name it"), (("--target", "nowhere:Sim"), "No module named 'nowhere'")):
        done = soak("show", *words)
        assert done.code == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr


def test_a_run_names_what_it_left_out(soak: Soak) -> None:
    """Operations that the target has no verb for are skipped by name; their `sometimes` are not missed."""
    done = soak("run", "mutate_after_done", "--target", LAB, "--count", "1", "--json")
    document = done.document()
    skipped = {each["scenario"]: each["reason"] for each in document["skipped"]}
    assert skipped["mutate_after_done (blocking)"] == "the target has no run"
    assert not any("blocked its caller" in text for text in document["scenarios"][0]["sometimes"])


def test_a_run_of_all_scenarios_names_those_of_other_kinds_once(soak: Soak) -> None:
    """What nobody asked for is told in one line; a verb that several scenarios miss in one, too."""
    skipped = soak("run", "--target", LAB, "--minutes", "0.01", "--json").document()["skipped"]
    (other,) = [each["scenario"] for each in skipped if "other kinds" in each["reason"]]
    assert {"hot_swap", "claim_race", "env_cycles"} <= set(other.split(", "))
    (block,) = [each["scenario"] for each in skipped if each["reason"] == "the target has no run"]
    assert "mutation_storm (block)" in block
    assert "start_stop (block)" in block


def test_a_target_that_no_scenario_can_use_is_a_mistake(soak: Soak) -> None:
    """Exit code 2, with the verb that is missing."""
    done = soak("run", "guard_history", "--target", LAB, "--count", "1")
    assert done.code == 2
    assert "run_numbers" in done.stderr
