"""Streams that were cut or damaged: what is whole counts, what is not is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.events import Verdict
from soak.findings import Reproduction
from soak.findings.finding import FindingContext
from soak.findings.memory import open_memory
from soak.findings.store import Store
from tests.findings.memory.nights import night, promise_broken, write
from tests.findings.memory.test_memory import FINDING


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_cut_last_line_is_counted_and_the_rest_is_used(tmp_path: Path, url: str, cut: int) -> None:
    """The end is missing: no verdict, one broken line, every other line counts."""
    stream = write(tmp_path, night(hits=(10,)))
    content = stream.read_bytes()
    stream.write_bytes(content[:-cut])
    with open_memory(tmp_path, url) as memory:
        if cut > 1:
            assert memory.ingest().broken_lines == 1
        else:
            assert memory.ingest().broken_lines == 0  # only the newline is gone
        (run,) = memory.runs()
        assert run.verdict is (None if cut > 1 else Verdict.FINDINGS)
        assert memory.nights()[0].scenarios[0].tries == 100


@pytest.mark.parametrize(
    "junk", [b"\xff\xfe\0\n", b"{}\n", b'{"event":"Beat"}\n', b"[1,2]\n", b"\n", b'{"event"']
)
def test_a_damaged_line_in_the_middle_is_counted_and_the_rest_is_used(tmp_path: Path, junk: bytes) -> None:
    stream = write(tmp_path, night(hits=(10,)))
    lines = stream.read_bytes().splitlines(keepends=True)
    stream.write_bytes(b"".join([*lines[:5], junk if junk.endswith(b"\n") else junk + b"\n", *lines[5:]]))
    with open_memory(tmp_path) as memory:
        ingested = memory.ingest()
        assert (ingested.runs, ingested.broken_lines) == (("20261120-030000",), 1)
        assert memory.runs()[0].broken_lines == 1
        assert memory.nights()[0].scenarios[0].tries == 100
        assert len(memory.occurrences(FINDING)) == 1


def test_a_stream_whose_first_line_breaks_later_is_still_that_run(tmp_path: Path) -> None:
    """The run goes by its folder's name then; it is there once, and keeps counters and findings."""
    stream = write(tmp_path, night(hits=(10,)))
    with open_memory(tmp_path) as memory:
        memory.ingest()
        stream.write_bytes(b"#" + stream.read_bytes())
        assert memory.ingest().broken_lines == 1
        (run,) = memory.runs()
        assert (run.name, run.seed, run.started) == ("20261120-030000", 7, 1000.0)
        assert len(memory.occurrences(FINDING)) == 1


def test_a_stream_without_a_first_line_goes_by_its_folder(tmp_path: Path) -> None:
    write(tmp_path, night(hits=(10,))[1:])
    with open_memory(tmp_path) as memory:
        memory.ingest()
        memory.ingest()
        (run,) = memory.runs()
        assert (run.name, run.seed) == ("20261120-030000", 0)
        assert len(memory.occurrences(FINDING)) == 1


def test_an_empty_stream_is_a_run_that_did_nothing(tmp_path: Path, url: str) -> None:
    write(tmp_path, [])
    with open_memory(tmp_path, url) as memory:
        memory.ingest()
        memory.ingest()
        (run,) = memory.runs()
        assert (run.verdict, run.seconds) == (None, 0.0)


def test_a_stream_that_cannot_be_read_is_told_and_the_others_are_taken_in(tmp_path: Path) -> None:
    (tmp_path / "runs" / "20261119-030000" / "events.jsonl").mkdir(parents=True)
    write(tmp_path, night())
    with open_memory(tmp_path) as memory:
        ingested = memory.ingest()
    assert ingested.runs == ("20261120-030000",)
    assert [words.split(": ")[-1] for words in ingested.unreadable] == ["Is a directory"]


def test_a_night_of_many_sightings_is_taken_in_by_parts(tmp_path: Path) -> None:
    """3000 sightings: more than are held at once."""
    write(tmp_path, night(hits=range(3000), iterations=3001))
    with open_memory(tmp_path) as memory:
        memory.ingest()
        (row,) = memory.finding_history(FINDING)
    assert (row.hits, row.tries) == (3000, 3001)


def test_what_only_the_files_store_knows_is_taken_in(tmp_path: Path, url: str) -> None:
    """Its run's folder is gone; the finding and its measured rate are remembered all the same."""
    context = FindingContext(
        run="20261001-030000",
        scenario_file="storm.py",
        scenario="storm",
        target="",
        seed=7,
        perturb="light",
        guard_malloc=False,
        hang_after=10.0,
        python="",
    )
    store = Store(tmp_path)
    store.file(promise_broken(1, 1, 10), tmp_path, context)
    store.record_reproduction(FINDING, Reproduction(t=5.5, hits=7, tries=20))
    with open_memory(tmp_path, url) as memory:
        memory.ingest()
        memory.ingest()
        (finding,) = memory.findings()
        assert (finding.id, finding.sightings, finding.first_run) == (FINDING, 0, "")
        assert memory.reproductions(FINDING) == (Reproduction(t=5.5, hits=7, tries=20),)
