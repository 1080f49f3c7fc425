"""`soak doctor` and `soak canary`: what this machine can do, and whether soak still smells smoke."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import Soak


def test_doctor_prints_a_line_per_fact(soak: Soak) -> None:
    """Each fact is ok, limited or missing; the exit code is 4 only if something required is missing."""
    done = soak("doctor")
    assert done.code in (0, 4)
    assert ("missing" in done.stdout) == (done.code == 4)
    assert "ptrace" in done.stdout
    assert "core files" in done.stdout
    assert "\x1b" not in done.stdout


def test_doctor_as_json_has_the_same_facts(soak: Soak) -> None:
    """A list of facts, each with its name, whether it is ok, and a remedy where it is not."""
    facts = json.loads(soak("doctor", "--json").stdout)
    assert {"name", "ok", "found", "remedy", "required"} <= set(facts[0])
    assert all(fact["ok"] or fact["remedy"] for fact in facts)


def test_doctor_tells_of_a_folder_that_cannot_be_written(soak: Soak) -> None:
    """Exit code 4, with the remedy."""
    done = soak("doctor", "--out", "/proc/soak")
    assert done.code == 4
    assert "--out" in done.stdout


def test_doctor_looks_at_the_interpreter_that_it_is_given(soak: Soak) -> None:
    """--python with a path that is none: a missing fact that names it."""
    done = soak("doctor", "--python", soak.folder / "no-python")
    assert done.code == 4
    assert "no-python" in done.stdout


def test_a_canary_that_is_smelled_leaves_no_trace(soak: Soak) -> None:
    """Expected and found agree: exit code 0, a table, and the planted finding is not kept."""
    done = soak("canary", "sigabrt", "--json")
    assert done.code == 0, done.stdout + done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["name"], row["right"], row["tries"], row["ok"]) == ("sigabrt", 1, 1, True)
    assert row["expected"] == "crash"
    assert 0 < row["seconds"][0] < 60
    assert done.findings() == []
    assert not list((Path(done.out) / "canary").iterdir())
