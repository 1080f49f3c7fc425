"""`soak accept`, `soak history` and `--fail-on`, with runs behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.cli.accept import accept
from soak.cli.exits import Exit, UsageProblem
from soak.cli.history import history
from soak.findings.store import Store
from tests.cli.command import Soak

STORY = """
@soak.scenario(seconds=5.0, rounds=1)
def broken(target, rng):
    yield

@broken.operation(threads=1)
def lie(state, rng):
    soak.always(rng.random() < 0.5, os.environ["BROKEN"] + " is white")
"""
#: So many iterations from this seed, of which some fail and some do not.
SOME = ("--count", "6", "--seed", "2", "--quiet")


def accepting(
    out: Path, name: str = "", *, because: str | None = None, undo: bool = False, as_json: bool = False
) -> int:
    return accept(name, because=because, undo=undo, out=out, wait=0.0, db="", as_json=as_json)


def test_a_finding_that_is_accepted_fails_no_run(
    soak: Soak, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is silent from then on, whatever a run fails on, and ends no --until-fail; undone, it counts."""
    words = ("run", soak.story(STORY), *SOME)
    monkeypatch.setenv("BROKEN", "milk")
    first = soak(*words, "--fail-on", "new")
    assert (first.code, first.stdout.splitlines()[0]) == (1, "1 NEW")
    known = soak(*words, "--fail-on", "worse")
    assert (known.code, known.stdout.splitlines()[0]) == (0, "1 KNOWN")
    assert "nothing is new or worse (--fail-on worse): the exit code is 0" in known.stdout
    assert accepting(first.out, "violation", because=" it was coffee ") == Exit.CLEAN
    listed = soak("show").stdout
    assert "  accepted  milk is white" in listed
    silent = soak(*words, "--until-fail", "--json")
    assert silent.code == 0
    document = silent.document()
    assert document["morning"]["headline"] == "1 accepted"
    assert document["findings"][0]["accepted"] == "it was coffee"
    assert document["scenarios"][0]["tries"] == 6
    assert "all of it was accepted: the exit code is 0" in silent.stderr
    capsys.readouterr()
    assert accepting(first.out) == Exit.CLEAN
    count = document["findings"][0]["count"]
    assert f"{count} sightings since: it was coffee" in capsys.readouterr().out
    assert accepting(first.out, "violation", undo=True) == Exit.CLEAN
    assert soak(*words).code == 1
    lines = soak("show", "violation").stdout.splitlines()
    (last,) = [line for line in lines if line.startswith("  last night  ")]
    assert last.startswith("  last night  KNOWN: before: ")


def test_what_is_new_fails_beside_what_is_known(soak: Soak, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the report of an earlier run says later what it said then."""
    words = ("run", soak.story(STORY), *SOME, "--fail-on", "new")
    monkeypatch.setenv("BROKEN", "milk")
    first = soak(*words)
    monkeypatch.setenv("BROKEN", "coffee")
    assert soak(*words).code == 1
    name = first.runs()[0].name
    assert soak("report", name).stdout == first.stdout


@pytest.mark.parametrize("because", [None, "", "  "])
def test_an_acceptance_needs_a_reason(tmp_path: Path, because: str | None) -> None:
    """Said before anything else."""
    with pytest.raises(
        UsageProblem, match=r"expected a reason, got none: soak accept crash-1 --because TEXT"
    ):
        accepting(tmp_path, "crash-1", because=because)


def test_an_acceptance_needs_a_finding(tmp_path: Path) -> None:
    """A reason or an undo alone is a mistake; so is both."""
    for because, undo in (("it is so", False), (None, True)):
        with pytest.raises(UsageProblem, match="which finding"):
            accepting(tmp_path, because=because, undo=undo)
    with pytest.raises(UsageProblem, match="--undo takes an acceptance back"):
        accepting(tmp_path, "crash-1", because="it is so", undo=True)


def test_nothing_is_remembered_yet(tmp_path: Path) -> None:
    """Looking makes no database."""
    with pytest.raises(UsageProblem, match="holds no runs and no memory yet"):
        accepting(tmp_path)
    for name in ("", "crash"):
        with pytest.raises(UsageProblem, match="holds no runs and no memory yet"):
            history(name, last=9, out=tmp_path, db="", as_json=False)
    with pytest.raises(UsageProblem, match="it has none yet"):
        accepting(tmp_path, "crash", because="it is so")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs").mkdir()
    with pytest.raises(UsageProblem, match="remembers no night yet"):
        history("", last=9, out=tmp_path, db="", as_json=False)


def test_names_that_fit_several_findings_or_none(soak: Soak, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, and the names that there are; what is not accepted cannot be undone."""
    monkeypatch.setenv("BROKEN", "milk")
    out = soak("run", soak.story(STORY), *SOME).out
    monkeypatch.setenv("BROKEN", "coffee")
    soak("run", soak.story(STORY), *SOME)
    names = [finding.id for finding in Store(out).all()]
    assert len(names) == 2
    for words in (("history", "violation"), ("accept", "violation", "--because", "it is so")):
        done = soak(*words)
        assert done.code == 2
        assert all(name in done.stderr for name in names)
    assert soak("history", "nothing").code == 2
    with pytest.raises(UsageProblem, match="is not accepted"):
        accepting(out, names[0], undo=True)
