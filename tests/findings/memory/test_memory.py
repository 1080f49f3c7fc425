"""The memory: every run is there once, with what it did and found; on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.events import Facts, Kind, Verdict
from soak.findings import Reproduction
from soak.findings.memory import Acceptance, Night, open_memory
from soak.findings.memory.memory import Memory
from soak.findings.signature import signature
from tests.detect.samples import sample
from tests.findings.memory.nights import MARK, night, promise_broken, write

FINDING = signature(promise_broken(1, 1, 0)).id
OTHER = signature(promise_broken(1, 1, 0, "nothing else")).id


def three_nights(out: Path) -> None:
    """It came in iterations 10 and 40 of the first night, not in the second, and once in the third."""
    write(out, night("20261120-030000", t=1000.0, hits=(10, 40)), "20261120-030000")
    write(out, night("20261121-030000", t=2000.0), "20261121-030000")
    write(out, night("20261122-030000", t=3000.0, hits=(99,)), "20261122-030000")


def opened(out: Path, url: str = "") -> Memory:
    memory = open_memory(out, url)
    memory.ingest()
    return memory


def test_a_run_is_remembered_with_all_that_it_did(tmp_path: Path, url: str) -> None:
    """Budget, verdict, environment, and per scenario exact counters: 98 finished iterations and 2 failed."""
    three_nights(tmp_path)
    with opened(tmp_path, url) as memory:
        (first, *_others) = memory.nights()
    assert isinstance(first, Night)
    assert (first.run.name, first.run.seed, first.run.command) == ("20261120-030000", 7, "run")
    assert (first.run.verdict, first.run.seconds, first.run.minutes) == (Verdict.FINDINGS, 60.0, 1.0)
    assert first.environment == {"python": "3.12.1", "kernel": "Linux 6.1"}
    (storm,) = first.scenarios
    assert (storm.iterations, storm.tries, storm.operations) == (98, 100, 980)
    assert (storm.accepted, storm.refused, storm.seconds) == (392, 588, 6.0)
    assert (storm.sometimes, storm.unproven) == ({MARK: 98}, ())
    assert first.tries == 100


def test_facts_that_came_later_are_remembered(tmp_path: Path, url: str) -> None:
    """What was asked beside the work belongs to the night's environment as what it began with does."""
    began, *others = night()
    facts = sample(Facts, t=began.t + 11, facts={"blas": "openblas", "gl renderer": "llvmpipe"})
    write(tmp_path, [began, facts, *others])
    with opened(tmp_path, url) as memory:
        (told,) = memory.nights()
    assert told.environment == {
        "python": "3.12.1",
        "kernel": "Linux 6.1",
        "blas": "openblas",
        "gl renderer": "llvmpipe",
    }


def test_ingesting_twice_is_ingesting_once(tmp_path: Path, url: str) -> None:
    """The second time takes nothing in, and nothing is there twice."""
    three_nights(tmp_path)
    with open_memory(tmp_path, url) as memory:
        first = memory.ingest()
        before = (memory.nights(), memory.findings(), memory.occurrences(FINDING))
        assert first.runs == ("20261120-030000", "20261121-030000", "20261122-030000")
        assert memory.ingest().runs == ()
        assert (memory.nights(), memory.findings(), memory.occurrences(FINDING)) == before


def test_a_stream_that_has_grown_completes_its_run(tmp_path: Path, url: str) -> None:
    """First a part of it, without an end; then the whole: one run, its counters those of the whole."""
    whole = night(hits=(10, 40))
    write(tmp_path, whole[:6])
    with open_memory(tmp_path, url) as memory:
        memory.ingest()
        (run,) = memory.runs()
        assert (run.verdict, len(memory.occurrences(FINDING))) == (None, 1)
        write(tmp_path, whole)
        assert memory.ingest().runs == ("20261120-030000",)
        (run,) = memory.runs()
        assert (run.verdict, len(memory.occurrences(FINDING))) == (Verdict.FINDINGS, 2)
        assert memory.nights()[0].scenarios[0].tries == 100


def test_a_findings_history_has_the_nights_it_could_have_come_in(tmp_path: Path, url: str) -> None:
    """2 of 100, 0 of 100, 1 of 100: the night without it counts its tries, too."""
    three_nights(tmp_path)
    with opened(tmp_path, url) as memory:
        history = memory.finding_history(FINDING)
    assert [(row.hits, row.tries, row.sightings) for row in history] == [
        (2, 100, 2),
        (0, 100, 0),
        (1, 100, 1),
    ]
    assert [row.run.name[:8] for row in history] == ["20261120", "20261121", "20261122"]
    assert all(row.scenarios == ("storm",) for row in history)


def test_sightings_of_one_iteration_are_one_hit(tmp_path: Path, url: str) -> None:
    """Two sightings in one iteration of one worker: one hit."""
    events = night(hits=(10,))
    again = promise_broken(99, 1, 10)
    write(tmp_path, [*events[:4], again, *events[4:]])
    with opened(tmp_path, url) as memory:
        (row,) = memory.finding_history(FINDING)
    assert (row.hits, row.sightings, row.tries) == (1, 2, 100)


def test_a_finding_knows_where_it_came_first_and_last(tmp_path: Path, url: str) -> None:
    three_nights(tmp_path)
    with opened(tmp_path, url) as memory:
        (finding,) = memory.findings()
    assert (finding.id, finding.kind, finding.sightings) == (FINDING, Kind.VIOLATION, 3)
    assert (finding.first_run, finding.last_run) == ("20261120-030000", "20261122-030000")
    assert finding.parts == ("violation", "no roll is high")
    assert finding.acceptance is None


def test_the_last_nights_are_the_newest_oldest_first(tmp_path: Path, url: str) -> None:
    three_nights(tmp_path)
    with opened(tmp_path, url) as memory:
        assert [one.run.name[:8] for one in memory.nights(last=2)] == ["20261121", "20261122"]
        assert memory.nights(last=0) == ()


def test_what_tries_one_finding_is_no_night(tmp_path: Path, url: str) -> None:
    """A `soak repro` is a run, but neither a night nor a row of the nightly history."""
    three_nights(tmp_path)
    write(tmp_path, night("20261123-090000", t=4000.0, hits=(1,), command="repro"), "20261123-090000")
    with opened(tmp_path, url) as memory:
        assert len(memory.runs()) == 4
        assert [run.name for run in memory.runs(command="repro")] == ["20261123-090000"]
        assert len(memory.nights()) == 3
        assert len(memory.finding_history(FINDING)) == 3
        assert len(memory.finding_history(FINDING, command="")) == 4


def test_a_sighting_that_was_not_kept_is_an_occurrence_without_evidence(tmp_path: Path, url: str) -> None:
    """The supervisor was killed between the two lines: the finding is there, by its signature."""
    events = night(hits=(10,), ended=False)
    write(tmp_path, events[:3])
    with opened(tmp_path, url) as memory:
        (occurrence,) = memory.occurrences(FINDING)
    assert (occurrence.path, occurrence.iteration, occurrence.worker) == ("", 10, 1)


def test_accepted_findings_count_what_came_since(tmp_path: Path, url: str) -> None:
    """Accepted after the first night: the third night's sighting is a hit; without it there is none."""
    three_nights(tmp_path)
    with opened(tmp_path, url) as memory:
        memory.accept(FINDING, because="known upstream", when=1500.0)
        memory.accept(OTHER, because="never came", when=1500.0)
        accepted = {one.finding: one for one in memory.acceptances()}
        assert (accepted[FINDING].hits, accepted[FINDING].last_hit) == (1, 3001.0)
        assert accepted[OTHER] == Acceptance(finding=OTHER, because="never came", when=1500.0)
        assert memory.findings()[0].acceptance == accepted[FINDING]
        memory.accept(FINDING, because="for another reason", when=4000.0)
        assert memory.findings()[0].acceptance == Acceptance(
            finding=FINDING, because="for another reason", when=4000.0
        )
        assert memory.unaccept(FINDING)
        assert not memory.unaccept(FINDING)


def test_reproductions_are_kept_in_order_and_once(tmp_path: Path, url: str) -> None:
    early, late = Reproduction(t=10.5, hits=7, tries=20), Reproduction(t=20.25, hits=0, tries=60)
    with open_memory(tmp_path, url) as memory:
        for measured in (late, early, late):
            memory.record_reproduction(FINDING, measured)
        assert memory.reproductions(FINDING) == (early, late)
        assert memory.reproductions(OTHER) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a \0 in the middle", "a  in the middle"),
        ("half a pair \ud800", "half a pair \\ud800"),
        ("Grüße, 100 % „so“ 🤖", "Grüße, 100 % „so“ 🤖"),
    ],
)
def test_any_text_a_target_says_is_remembered(tmp_path: Path, url: str, text: str, said: str) -> None:
    """Databases take no NUL and no half surrogate; the rest is kept as it was."""
    write(tmp_path, night(hits=(3,), promise=text))
    with opened(tmp_path, url) as memory:
        (finding,) = memory.findings()
    assert finding.title == said


def test_two_machines_may_have_runs_of_one_name(tmp_path: Path, postgres_url: str) -> None:
    """They share a database; the runs began at other moments, and both are there."""
    for number, machine in enumerate((tmp_path / "one", tmp_path / "two")):
        write(machine, night(t=1000.0 + number, hits=(5,)))
        with open_memory(machine, postgres_url) as memory:
            memory.ingest()
            assert len(memory.runs()) == number + 1
    with open_memory(tmp_path / "one", postgres_url) as memory:
        assert [row.hits for row in memory.finding_history(FINDING)] == [1, 1]


def test_a_folder_that_moved_is_no_other_run(tmp_path: Path, postgres_url: str) -> None:
    write(tmp_path / "here", night())
    with opened(tmp_path / "here", postgres_url):
        pass
    (tmp_path / "here").rename(tmp_path / "there")
    with opened(tmp_path / "there", postgres_url) as memory:
        assert len(memory.runs()) == 1
