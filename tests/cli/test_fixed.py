"""`soak fixed`: yes, no, or how much is missing, by clean tries on the finding's own seeds."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from soak import events
from soak.cli.attempt import Attempt
from soak.cli.fixed import FixedOptions, fixed
from soak.cli.session import Outcome
from soak.report.fold import Progress
from soak.supervisor.run import Ending
from soak.triage.reproduce import Reproduced
from tests.cli.command import Done, Soak
from tests.cli.test_repro import SEGV

_BROKEN = "soak.always(False, 'it holds')"
BREAKS = SEGV.replace("ctypes.string_at(0)", _BROKEN)


def found(soak: Soak, *seeds: int, source: str = BREAKS) -> tuple[Path, str]:
    """A story that breaks a promise, and the name of its finding; it was seen once with each of the seeds."""
    story = soak.story(source)
    for seed in seeds or (1,):
        done = soak("run", story, "--count", "1", "--seed", str(seed))
        assert done.code == 1, done.stderr
    return story, done.finding().name


def mend(story: Path, instead: str = "pass") -> None:
    story.write_text(story.read_text().replace(_BROKEN, instead))


def started(done: Done) -> list[tuple[int, int | None]]:
    """Seed and tries of each run that `fixed` made."""
    begun = []
    for folder in done.runs():
        first = events.decode((folder / "events.jsonl").read_bytes().splitlines()[0])
        assert isinstance(first, events.RunStarted)
        if first.argv[0] == "fixed":
            begun.append((first.seed, first.count))
    return begun


def clean(name: str, tries: int) -> Attempt:
    """What so many tries come to in which nothing came."""
    return Attempt(
        result=Reproduced(finding=name, hits=0, tries=tries, first_after=None, different={}),
        outcome=Outcome(
            verdict=events.Verdict.CLEAN,
            progress=Progress(),
            folder=Path(),
            ending=Ending.BUDGET,
            problem="",
            signal=0,
        ),
    )


def test_what_is_mended_is_fixed(soak: Soak) -> None:
    """The measured rate was 3/3: three clean tries are enough for 95 %, exit code 0, and they are kept."""
    story, name = found(soak)
    assert soak("repro", name, "--count", "3").code == 1
    mend(story)
    done = soak("fixed", name)
    assert done.code == 0, done.stdout + done.stderr
    assert done.stdout.startswith("yes, with 95 % confidence: 3 clean tries against the rate measured on")
    assert "by chance 5.0 % (Fisher's exact test)" in done.stdout
    measured = json.loads((done.finding() / "finding.json").read_text())["reproductions"]
    assert [(each["hits"], each["tries"]) for each in measured] == [(3, 3), (0, 3)]


def test_what_is_not_mended_is_not(soak: Soak) -> None:
    """The first hit is the answer: exit code 1. The rate is the run's, for nobody has measured it. A crash is
    told after its worker's end, and no further try is counted then."""
    _story, name = found(soak, source=SEGV)
    done = soak("fixed", name, "--json")
    assert done.code == 1
    answer = done.document()
    assert (answer["fixed"], answer["hits"], answer["tries"], answer["needed"]) == (False, 1, 1, 19)
    assert "no: brought back 1/1; before: the rate per iteration of run" in done.stderr


def test_its_own_seeds_are_tried(soak: Soak) -> None:
    """It was seen with two seeds: the tries are shared among them, the latest first. 20/20 needs one clean
    try for 95 %, and four for 99.99 %."""
    story, name = found(soak, 5, 6)
    mend(story)
    done = soak("fixed", name, "--rate", "20/20", "--confidence", "0.9999", "--json")
    assert done.code == 0, done.stdout + done.stderr
    answer = done.document()
    assert (answer["needed"], answer["clean"], answer["fixed"]) == (4, 4, True)
    assert started(done) == [(6, 2), (5, 2)]


def test_what_something_else_ended_is_no_evidence(soak: Soak) -> None:
    """The same iteration now breaks something else: neither yes nor no, exit code 5."""
    story, name = found(soak)
    mend(story, "soak.always(False, 'all new')")
    done = soak("fixed", name, "--rate", "3/3")
    assert done.code == 5
    assert "not shown: 3 of 3 clean tries are missing for 95 %" in done.stdout
    assert "3 tries were no evidence" in done.stdout
    assert "a different finding came 3×, and was kept: violation-" in done.stdout


def test_a_budget_that_is_too_small_says_what_is_missing(soak: Soak) -> None:
    """Tries of two seconds in a budget of half a second: exit code 5."""
    story, name = found(soak)
    mend(story, "time.sleep(2.0)")
    done = soak("fixed", name, "--rate", "1/1", "--minutes", "0.01")
    assert done.code == 5, done.stdout + done.stderr
    assert "of 19 clean tries are missing for 95 %" in done.stdout


def test_an_interrupt_says_what_is_missing(soak: Soak) -> None:
    """Ctrl-C: exit code 130, and the count so far."""
    story, name = found(soak)
    mend(story, "time.sleep(2.0)")
    running = soak.start("fixed", name, "--rate", "1/1")
    # First the folder, then its stream: asked the other way round, the stream may be the run's before.
    running.wait_until(lambda: len(list((running.out / "runs").iterdir())) == 2, "a second run")
    running.wait_for(events.WorkerStarted)
    running.send(signal.SIGINT)
    done = running.finish()
    assert done.code == 130, done.stderr
    assert "clean tries are missing" in done.stdout


def test_an_interrupt_between_two_runs_says_what_is_missing(
    soak: Soak, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody listens to signals there: Ctrl-C is a KeyboardInterrupt, and the first seed's tries count."""
    story, name = found(soak, 1, 2)
    mend(story)
    runs = [clean(name, tries=2)]

    def attempt(*_args: object, **_options: object) -> Attempt:
        if not runs:
            raise KeyboardInterrupt
        return runs.pop()

    monkeypatch.setattr("soak.cli.fixed.attempt", attempt)
    monkeypatch.chdir(soak.folder)
    assert fixed(FixedOptions(finding=name, rate="3/3", python=soak.python)) == 130
    assert "not shown: 1 of 3 clean tries are missing" in capsys.readouterr().out


def test_without_a_rate_there_is_nothing_to_hold_against(soak: Soak) -> None:
    """Exit code 2, and what would help."""
    _story, name = found(soak)
    shutil.rmtree(soak.folder / ".soak" / "runs")
    done = soak("fixed", name)
    assert done.code == 2
    assert f"`soak repro {name}`" in done.stderr
    assert "--rate HITS/TRIES" in done.stderr


def test_a_rate_that_is_none_is_a_mistake(soak: Soak) -> None:
    """Exit code 2, with an example."""
    _story, name = found(soak)
    for rate in ("0/5", "6/5", "often"):
        done = soak("fixed", name, "--rate", rate)
        assert done.code == 2
        assert "HITS/TRIES like 7/20" in done.stderr
