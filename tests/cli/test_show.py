"""`soak show` and `soak report`: what was found can be read again, whatever became of the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import Done, Soak

BROKEN = """
@soak.scenario(seconds=5.0, rounds=1)
def broken(target, rng):
    print("the scenario's own words")
    yield

@broken.operation(threads=1)
def lie(state, rng):
    with soak.doing("fetch_milk"):
        pass
    soak.always(False, "milk is white", colour="blue")
"""


@pytest.fixture
def done(soak: Soak) -> Done:
    """A run with one finding, seen twice."""
    return soak("run", soak.story(BROKEN), "--count", "2", "--seed", "3", "--quiet")


def test_show_lists_all_findings_in_short(soak: Soak, done: Done) -> None:
    """One line each, with the count; nothing found is said, too."""
    text = soak("show").stdout
    assert text.count("\n") == 1
    assert done.finding().name in text
    assert "2×" in text
    assert "no findings" in soak("show", "--out", "elsewhere").stdout


def test_show_tells_one_finding_with_its_evidence(soak: Soak, done: Done) -> None:
    """Title, details, the place, and the line that brings it back."""
    text = soak("show", done.finding().name).stdout
    for word in ("milk is white", "blue", "story.py", f"soak repro {done.finding().name}"):
        assert word in text


def test_show_tells_what_came_before_a_violation(soak: Soak, done: Done) -> None:
    """The operations of each thread before it, out of the flight ring."""
    assert "fetch_milk" in soak("show", done.finding().name).stdout


def test_show_as_json_is_one_document(soak: Soak, done: Done) -> None:
    """The finding as it is stored, with the folders of its occurrences."""
    document = json.loads(soak("show", done.finding().name, "--json").stdout)
    assert document["count"] == 2
    assert [Path(folder).name for folder in document["occurrences"]] == ["1", "2"]
    (listed,) = json.loads(soak("show", "--json").stdout)
    assert listed["id"] == document["id"]


def test_show_of_an_unknown_finding_is_a_mistake(soak: Soak, done: Done) -> None:
    """Exit code 2, with the names that there are."""
    wrong = soak("show", "crash-0")
    assert wrong.code == 2
    assert done.finding().name in wrong.stderr


def test_a_damaged_finding_is_made_anew(soak: Soak, done: Done) -> None:
    """finding.json is cut: it is rebuilt from its occurrences, the damaged file is kept beside."""
    path = done.finding() / "finding.json"
    path.write_bytes(path.read_bytes()[:40])
    shown = soak("show", done.finding().name)
    assert shown.code == 0
    assert "milk is white" in shown.stdout
    assert "damaged" in shown.stderr
    assert json.loads(path.read_text())["count"] == 2


def test_report_prints_the_closing_report_again(soak: Soak, done: Done) -> None:
    """Of the newest run, or of one by the beginning of its name: word for word."""
    assert soak("report").stdout == done.stdout
    assert soak("report", done.runs()[0].name[:9]).stdout == done.stdout
    assert json.loads(soak("report", "--json").stdout)["seed"] == 3


def test_report_of_what_is_not_there_is_a_mistake(soak: Soak, done: Done) -> None:
    """No such run, no runs at all: exit code 2, with what there is."""
    wrong = soak("report", "1999")
    assert wrong.code == 2
    assert done.runs()[0].name in wrong.stderr
    assert soak("report", "--out", "elsewhere").code == 2


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "binary"])
def test_report_reads_what_is_left_of_a_damaged_stream(soak: Soak, done: Done, damage: str) -> None:
    """A line cut in the middle, garbage between, nothing at all: a report of what is whole, no traceback."""
    stream = done.runs()[0] / "events.jsonl"
    raw = stream.read_bytes()
    lines = raw.splitlines(keepends=True)
    stream.write_bytes(
        {
            "cut": raw[: len(raw) - len(lines[-1]) - 20],
            "garbage": b"".join([*lines[:3], b'{"event": "Nonsense"}\n', b"[1]\n", *lines[3:]]),
            "empty": b"",
            "binary": b"".join([lines[0], b"\xff\x00\xfe\n", *lines[1:]]),
        }[damage]
    )
    told = soak("report")
    assert told.code == 0
    assert "Traceback" not in told.stderr
    if damage == "empty":
        assert "Proved: nothing" in told.stdout
    else:
        assert "milk is white" in told.stdout


def test_reports_of_runs_that_are_still_going_can_be_read(soak: Soak) -> None:
    """The stream is whole at every moment: another process reads it while it grows."""
    running = soak.start("run", soak.story(BROKEN), "--minutes", "5")
    running.wait_until(lambda: soak("report").code == 0, "a report")
    assert "no end" in soak("report").stdout
