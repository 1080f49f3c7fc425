"""What `soak show` prints."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from soak.events import Kept, Kind, Sighted
from soak.findings import Reproduction, Store
from soak.report.show import finding_document, finding_documents, finding_text, findings_text
from tests.detect.samples import sample
from tests.findings.test_store import CONTEXT


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Kept:
    run = tmp_path / "runs" / "r"
    (run / "workers" / "1").mkdir(parents=True)
    (run / "workers" / "1" / "fault.txt").write_text("Fatal Python error: Segmentation fault\n")
    (run / "workers" / "1" / "stderr").write_text("".join(f"line {n}\n" for n in range(100)))
    sighted = sample(Sighted, evidence=("workers/1/fault.txt", "workers/1/stderr", "workers/1/core"))
    store.file(sighted, run, CONTEXT)
    return store.file(dataclasses.replace(sighted, t=2e9), run, CONTEXT)


def test_one_finding(store: Store, kept: Kept, tmp_path: Path) -> None:
    """A finding is shown with its counts, its reproducer, and the newest occurrence's evidence."""
    store.record_reproduction(kept.finding, Reproduction(t=2e9, hits=7, tries=20))
    store.explain_missing(kept, "native.txt", "no core: the limit is 0")
    text = finding_text(store, store.find(kept.finding), tmp_path)
    lines = text.splitlines()
    assert lines[0] == f"{kept.finding}  SIGSEGV in step (arm/engine.py)"
    assert f"  brings back soak repro {kept.finding} --out {tmp_path}" in lines
    assert any("7/20 (35 %, 95 % interval 18–57 %)" in line for line in lines)
    assert any("seed 7, iteration 5 of a worker that began at 4" in line for line in lines)
    assert "  Engine.step  /home/ada/arm/engine.py:120" in lines
    assert "  mutate-2 has been in add_object for 0.1 s" in lines
    assert "Evidence that was not there: workers/1/core" in lines
    assert "-- fault.txt --" in lines
    assert "native.txt: no core: the limit is 0" in lines
    assert lines[lines.index("-- stderr --") + 1 :][:2] == ["… 70 lines before", "line 70"]
    assert str(tmp_path / kept.path) in text


def test_all_findings(store: Store, kept: Kept, tmp_path: Path) -> None:
    """Without a name, each finding is one line, the one seen last first."""
    store.file(sample(Sighted, kind=Kind.VIOLATION, promise="p", title="a promise"), tmp_path, CONTEXT)
    first, second = findings_text(store.all(), tmp_path).splitlines()
    assert first.startswith(kept.finding)
    assert "2×" in first
    assert second.endswith("a promise")


def test_no_findings(store: Store, tmp_path: Path) -> None:
    """An empty store says so."""
    assert findings_text(store.all(), tmp_path) == f"no findings in {tmp_path}"


def test_no_occurrence_left(store: Store, kept: Kept, tmp_path: Path) -> None:
    """A finding whose occurrences somebody deleted is shown all the same."""
    for folder in store.occurrences(kept.finding):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert kept.finding in finding_text(store, store.find(kept.finding), tmp_path)


def test_document(store: Store, kept: Kept) -> None:
    """The machine's form is JSON with what is on disk."""
    plain = json.loads(json.dumps(finding_document(store, store.find(kept.finding))))
    assert (plain["id"], plain["kind"], plain["count"]) == (kept.finding, "crash", 2)
    assert len(plain["occurrences"]) == 2


def test_what_is_probably_the_same_is_shown(store: Store, kept: Kept, tmp_path: Path) -> None:
    """A finding names its relatives with the reason, in words and for machines."""
    error = sample(Sighted, kind=Kind.ERROR, promise="ValueError", iteration=99)
    other = store.file(error, tmp_path, CONTEXT).finding
    lines = finding_text(store, store.find(kept.finding), tmp_path).splitlines()
    assert f"  probably the same as {other} (stacks 1.00 alike)" in lines
    (plain,) = finding_document(store, store.find(kept.finding))["probably_same"]
    assert (plain["finding"], plain["alike"], plain["together"]) == (other, 1.0, 0)
    assert {each["id"] for each in finding_documents(store, store.all())} == {other, kept.finding}


def test_a_guarantee_says_as_what_it_was_broken(store: Store, tmp_path: Path) -> None:
    """`soak show` tells the promises of all nights; the document has them too."""
    broken = sample(Sighted, kind=Kind.VIOLATION, title="it stays whole", guarantee="it stays whole")
    for promise in ("one piece", "no crack", "no crack"):
        kept = store.file(dataclasses.replace(broken, promise=promise), tmp_path, CONTEXT)
    lines = finding_text(store, store.find(kept.finding), tmp_path).splitlines()
    assert "  broken as   no crack (2 times), one piece (once)" in lines
    assert finding_document(store, store.find(kept.finding))["broken_as"] == {"one piece": 1, "no crack": 2}
