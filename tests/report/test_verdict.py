"""The verdict, and the last words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soak.events import (
    Beat,
    Event,
    Kind,
    RunEnded,
    RunStarted,
    ScenarioSkipped,
    Sighted,
    Verdict,
    WorkerEnded,
    WorkerStarted,
)
from soak.report.fold import Progress
from soak.report.machine import document
from soak.report.verdict import closing_text, repro_line, verdict
from soak.timing import Took
from tests.detect.samples import sample
from tests.report.streams import SCENARIOS, clean, crashing, folded

OUT = Path(".soak")


def _progress(*events: Event) -> Progress:
    progress = Progress(clock=lambda: 0.0)
    for event in events:
        progress.see(event)
    return progress


def test_clean() -> None:
    """A run without a finding that saw all it had to see is clean, and says what that proves."""
    progress = folded(clean(iterations=360))
    assert verdict(progress) is Verdict.CLEAN
    text = closing_text(progress, Verdict.CLEAN, out=OUT)
    assert text.splitlines()[0] == "CLEAN: nothing was found, in 30 min 00 s (run 20250101-020000, seed 7)"
    assert (
        "360 iterations, 360k operations, 99 % refused: a failure comes in at most 0.83 % of iterations"
        in text
    )
    assert "Unproven" not in text
    assert "soak repro" not in text


def test_what_was_timed_is_told_over_all_workers() -> None:
    """Workers that ended and workers that live add up; text and JSON tell the same."""
    took = Took(count=10, longest=0.25, buckets={"-40": 9, "-8": 1})
    events: list[Event] = [sample(RunStarted, t=0.0, scenarios=("hot_swap",))]
    for worker in (1, 2, 3):
        events.append(sample(WorkerStarted, t=1.0, worker=worker, scenario="hot_swap"))
        events.append(sample(Beat, t=2.0, worker=worker, took={"get": took}))
        events.append(sample(Beat, t=3.0, worker=worker, took={}))
        if worker < 3:
            events.append(sample(WorkerEnded, t=4.0, worker=worker, scenario="hot_swap", iterations=1))
    progress = _progress(*events)
    text = closing_text(progress, Verdict.CLEAN, out=OUT)
    assert "get: 30 times, p50 896 µs, p99 229 ms, max 250 ms" in text
    told = document(progress, Verdict.CLEAN)["scenarios"][0]["took"]["get"]
    assert (told["count"], told["max"]) == (30, 0.25)
    assert told["p50"] < told["p99"] <= told["max"]


def test_unproven() -> None:
    """A run in which a scenario never ran is unproven, and names it."""
    events = [event for event in clean() if getattr(event, "scenario", "") != SCENARIOS[1]]
    progress = folded(iter(events))
    assert verdict(progress) is Verdict.UNPROVEN
    text = closing_text(progress, Verdict.UNPROVEN, out=OUT)
    assert text.startswith("UNPROVEN: ")
    assert text.endswith("Unproven:\n  start_stop: no iteration finished")


def test_nothing_at_all_is_unproven() -> None:
    """No scenario, no proof."""
    assert verdict(_progress()) is Verdict.UNPROVEN
    assert "nothing, for no iteration was finished" in closing_text(_progress(), Verdict.UNPROVEN, out=OUT)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((Kind.CRASH,), Verdict.FINDINGS),
        ((Kind.INFRA,), Verdict.FINDINGS),
        ((Kind.HARNESS,), Verdict.HARNESS_FAULT),
        ((Kind.HARNESS, Kind.LEAK), Verdict.FINDINGS),
    ],
)
def test_findings(kinds: tuple[Kind, ...], expected: Verdict) -> None:
    """Any finding is one, the machine's too; only the harness's own faults are a verdict apart."""
    sightings = [sample(Sighted, kind=kind, sighting=number) for number, kind in enumerate(kinds, start=1)]
    assert verdict(_progress(sample(RunStarted), *sightings)) is expected


def test_finding_in_two_lines_and_its_reproducer() -> None:
    """A finding says what it is, how often with its interval, where it lies, and what brings it back."""
    progress = folded(crashing())
    assert verdict(progress) is Verdict.FINDINGS
    lines = closing_text(progress, Verdict.FINDINGS, out=OUT).splitlines()
    assert lines[0] == "FINDINGS: 1 finding (1 crash), in 1 min 00 s (run 20250101-020000, seed 7)"
    (name,) = progress.findings
    at = lines.index(f"  {name}  SIGSEGV in innermost (arm/engine.py)")
    assert lines[at + 1] == (
        "      crash in mutation_storm, sighted 7 times, "
        "rate per iteration 7/20 (35 %, 95 % interval 18–57 %); "
        f"evidence in .soak/findings/{name}/7"
    )
    assert lines[at + 2] == f"      soak repro {name}"
    assert lines[-2:] == ["Skipped:", "  render_storm: no GL; apt install libosmesa6"]


def test_reproducer_names_another_folder() -> None:
    """A printed command works as it stands, also for another --out."""
    assert repro_line("crash-1", OUT) == "soak repro crash-1"
    assert repro_line("crash-1", Path("/data/my soak")) == "soak repro crash-1 --out '/data/my soak'"


def test_worst_kind_first() -> None:
    """Crashes come before leaks, and the frequent before the rare."""
    sightings = [
        sample(Sighted, kind=Kind.LEAK, promise="thread: x", sighting=1),
        sample(Sighted, sighting=2, signal=6),
        sample(Sighted, sighting=3),
        sample(Sighted, sighting=4, iteration=8),
    ]
    found = document(_progress(sample(RunStarted), *sightings), Verdict.FINDINGS)["findings"]
    assert [(row["kind"], row["hits"]) for row in found] == [("crash", 2), ("crash", 1), ("leak", 1)]


def test_interrupted_run_says_what_it_found() -> None:
    """A run that was interrupted tells its findings all the same."""
    progress = folded(event for event in crashing() if not isinstance(event, RunEnded))
    progress.see(sample(RunEnded, verdict=Verdict.INTERRUPTED, reason="interrupted by SIGINT"))
    lines = closing_text(progress, Verdict.INTERRUPTED, out=OUT).splitlines()
    assert lines[0].startswith("INTERRUPTED; 1 finding so far (1 crash), in ")
    assert lines[1] == "  interrupted by SIGINT"
    assert any("soak repro" in line for line in lines)


def test_stream_without_an_end() -> None:
    """The report of a run that was killed says so."""
    progress = folded(event for event in clean() if not isinstance(event, RunEnded))
    assert "the stream has no end" in closing_text(progress, Verdict.CLEAN, out=OUT)


def test_document() -> None:
    """The machine's document has the same facts, as JSON's own types."""
    progress = folded(crashing())
    plain = json.loads(json.dumps(document(progress, Verdict.FINDINGS)))
    assert (plain["verdict"], plain["seed"], plain["iterations"]) == ("findings", 7, 13)
    assert plain["skipped"] == [
        {"scenario": "render_storm", "reason": "no GL", "remedy": "apt install libosmesa6"}
    ]
    (finding,) = plain["findings"]
    assert (finding["hits"], finding["tries"], finding["rate"]) == (7, 20, 0.35)
    assert finding["interval"] == [pytest.approx(0.181, abs=1e-3), pytest.approx(0.567, abs=1e-3)]
    (scenario,) = plain["scenarios"]
    assert scenario["tries"] == 20


def test_document_of_nothing() -> None:
    """A run that could not start has a document too."""
    plain = document(_progress(sample(ScenarioSkipped)), Verdict.CANNOT_RUN)
    assert (plain["verdict"], plain["run"], plain["findings"]) == ("cannot run", "", [])
    json.dumps(plain)


def _faces() -> Progress:
    """A race of two faces: in three of four iterations a promise breaks and an exception comes with it."""
    broken = [
        sample(Sighted, kind=Kind.VIOLATION, promise="p", title="p", sighting=n, worker=n, frames=())
        for n in range(1, 5)
    ]
    raised = [
        sample(Sighted, kind=Kind.ERROR, promise="KeyError", title="KeyError", sighting=10 + n, worker=n)
        for n in range(2, 5)
    ]
    return _progress(sample(RunStarted), *broken, *raised)


def test_faces_of_one_cause_are_offered_as_the_same() -> None:
    """Below each finding stands what is probably the same, and why; both keep their own lines."""
    progress = _faces()
    error, violation = sorted(progress.findings)
    lines = [line.strip() for line in closing_text(progress, Verdict.FINDINGS, out=OUT).splitlines()]
    assert f"probably the same as {error} (in one iteration 3 of 3 times)" in lines
    assert f"probably the same as {violation} (in one iteration 3 of 3 times)" in lines
    assert sum("soak repro" in line for line in lines) == 2


def test_the_document_has_what_is_probably_the_same() -> None:
    """For machines: the other finding, how alike the stacks are, how often both came in one iteration."""
    progress = _faces()
    found = {row["finding"]: row["probably_same"] for row in document(progress, Verdict.FINDINGS)["findings"]}
    error, violation = sorted(found)
    assert found[error] == [{"finding": violation, "alike": 0.0, "together": 3, "times": 3}]
    assert [each["finding"] for each in found[violation]] == [error]


def test_a_guarantee_says_as_what_it_was_broken() -> None:
    """People and machines read every promise that was broken, and how often; nothing is merged silently."""
    broken = {"kind": Kind.VIOLATION, "title": "it stays whole", "guarantee": "it stays whole"}
    progress = _progress(
        sample(RunStarted),
        sample(WorkerStarted),
        sample(Sighted, **broken, sighting=1, promise="it is in one piece"),
        sample(Sighted, **broken, sighting=2, promise="it has no crack"),
        sample(Sighted, **broken, sighting=3, promise="it has no crack", iteration=6),
    )
    text = closing_text(progress, Verdict.FINDINGS, out=OUT)
    assert "FINDINGS: 1 finding (1 violation)" in text
    assert "broken as: it has no crack (2 times), it is in one piece (once)" in text
    (finding,) = document(progress, Verdict.FINDINGS)["findings"]
    assert finding["broken_as"] == {"it is in one piece": 1, "it has no crack": 2}
    assert (finding["count"], finding["hits"]) == (3, 2)
