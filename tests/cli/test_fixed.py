"""`soak fixed`: yes, no, or how much is missing, by clean tries on the finding's own seeds."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from soak import events
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
    """It was seen with two seeds: the tries are shared among them, the latest first."""
    story, name = found(soak, 5, 6)
    mend(story)
    done = soak("fixed", name, "--rate", "3/3")
    assert done.code == 0, done.stdout + done.stderr
    assert started(done) == [(6, 2), (5, 1)]


def test_more_confidence_takes_more_tries(soak: Soak) -> None:
    """20/20 needs one clean try for 95 %, and four for 99.99 %, by the test."""
    story, name = found(soak)
    mend(story)
    assert soak("fixed", name, "--rate", "20/20", "--json").document()["needed"] == 1
    answer = soak("fixed", name, "--rate", "20/20", "--confidence", "0.9999", "--json").document()
    assert (answer["needed"], answer["clean"], answer["fixed"]) == (4, 4, True)


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
    running.wait_until(
        lambda: (
            any(isinstance(event, events.WorkerStarted) for event in running.stream())
            and len(list((running.out / "runs").iterdir())) == 2
        ),
        "a try",
    )
    running.send(signal.SIGINT)
    done = running.finish()
    assert done.code == 130, done.stderr
    assert "clean tries are missing" in done.stdout


def test_without_a_rate_there_is_nothing_to_hold_against(soak: Soak) -> None:
    """Exit code 2, and what would help."""
    _story, name = found(soak)
    shutil.rmtree(soak.folder / ".soak" / "runs")
    done = soak("fixed", name)
    assert done.code == 2
    assert f"`soak repro {name}`" in done.stderr
    assert "--rate HITS/TRIES" in done.stderr


@pytest.mark.parametrize("rate", ["0/5", "6/5", "often"])
def test_a_rate_that_is_none_is_a_mistake(soak: Soak, rate: str) -> None:
    """Exit code 2, with an example."""
    _story, name = found(soak)
    done = soak("fixed", name, "--rate", rate)
    assert done.code == 2
    assert "HITS/TRIES like 7/20" in done.stderr
