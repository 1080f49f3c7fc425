"""The fold that every view reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.events import (
    Beat,
    Event,
    Evidence,
    Facts,
    Kept,
    Kind,
    Note,
    RunStarted,
    Sample,
    Sighted,
    WorkerEnded,
    WorkerStarted,
)
from soak.report.fold import Progress, fold
from tests.detect.samples import ALL, sample
from tests.report.streams import MARK, clean, crashing, folded, write


def _progress(*events: Event, now: float = 0.0) -> Progress:
    progress = Progress(clock=lambda: now)
    for event in events:
        progress.see(event)
    return progress


def test_totals() -> None:
    """Totals are sums over all workers of all scenarios."""
    totals = folded(clean(iterations=10)).totals
    assert (totals.iterations, totals.operations, totals.refused) == (20, 20_000, 19_800)


def test_facts_that_came_later_belong_to_the_environment() -> None:
    """What was asked beside the work, after what the run began with."""
    progress = _progress(
        sample(RunStarted, environment={"python": "3.12.1"}), sample(Facts, facts={"blas": "openblas"})
    )
    assert progress.environment == {"python": "3.12.1", "blas": "openblas"}


def test_ended_workers_count_by_the_flight_file() -> None:
    """A worker's last figures are those of its end, exact to the last operation, and count once."""
    progress = _progress(
        sample(RunStarted),
        sample(WorkerStarted),
        sample(Beat, operations=1000, iterations=1),
        sample(Sample, operations=1500, iterations=1),
        sample(WorkerEnded, operations=1777, iterations=1),
    )
    assert progress.totals.operations == 1777


def test_living_workers_count() -> None:
    """A run that was killed counts what its last workers had said."""
    progress = _progress(sample(RunStarted), sample(WorkerStarted), sample(Sample, operations=1500))
    assert progress.totals.operations == 1500
    row = progress.scenarios["storm"]
    assert [(worker.threads, worker.fds, worker.rss) for worker in row.alive.values()] == [
        (12, 30, 200_000_000)
    ]


def test_pace() -> None:
    """Rates are those of the last seconds, and nothing once nobody works."""
    progress = _progress(
        sample(RunStarted),
        sample(WorkerStarted),
        *(sample(Sample, t=1000.0 + n, operations=500 * n, iterations=2 * n) for n in range(60)),
    )
    assert list(progress.pace) == pytest.approx([2.0, 500.0])
    progress.see(sample(WorkerEnded, t=1060.0))
    assert list(progress.pace) == [0.0, 0.0]


def test_sometimes() -> None:
    """What was seen is summed over ended and living workers; what never was is named."""
    progress = _progress(
        sample(RunStarted),
        sample(WorkerStarted, sometimes=("they met", "it stopped")),
        sample(WorkerEnded, sometimes={"they met": 3, "it stopped": 0}),
        sample(WorkerStarted, worker=2, sometimes=("they met", "it stopped")),
        sample(Beat, worker=2, sometimes={"they met": 2, "it stopped": 0}),
    )
    row = progress.scenarios["storm"]
    assert row.sometimes == {"they met": 5, "it stopped": 0}
    assert row.unproven == ('never saw "it stopped"',)


def test_scenario_that_never_ran_is_unproven() -> None:
    """A scenario without a finished iteration has proved nothing."""
    progress = _progress(sample(RunStarted, scenarios=("storm", "other")))
    assert progress.unproven == {"storm": ("no iteration finished",), "other": ("no iteration finished",)}


def test_findings_are_counted_by_signature() -> None:
    """Seven crashes of one bug are one finding, with seven hits in twenty tries."""
    progress = folded(crashing(workers=20, crashes=7))
    (row,) = progress.findings.values()
    assert (row.kind, row.count, row.hits, row.new) == (Kind.CRASH, 7, 7, True)
    assert progress.tries_of(row) == 20
    assert row.say_rate(progress.tries_of(row)) == "7/20 (35 %, 95 % interval 18–57 %)"
    assert row.path.endswith("/7")
    assert progress.kinds() == {Kind.CRASH: 1}


def test_several_sightings_of_an_iteration_are_one_hit() -> None:
    """A rate is one of iterations: two threads that see one violation in one iteration are one hit."""
    progress = _progress(
        sample(RunStarted),
        sample(Sighted, kind=Kind.VIOLATION, promise="p", sighting=1),
        sample(Sighted, kind=Kind.VIOLATION, promise="p", sighting=2),
        sample(Sighted, kind=Kind.VIOLATION, promise="p", sighting=3, iteration=6),
    )
    (row,) = progress.findings.values()
    assert (row.count, row.hits) == (3, 2)


def test_known_finding() -> None:
    """A finding that the store knew from an earlier run is not new, also after its second sighting."""
    progress = _progress(
        sample(RunStarted),
        sample(Sighted),
        sample(Kept, new=False, occurrence=4),
        sample(Sighted, sighting=2),
        sample(Kept, sighting=2, new=False, occurrence=5),
    )
    (row,) = progress.findings.values()
    assert not row.new


def test_missing_evidence() -> None:
    """Why evidence is missing is known, until it comes."""
    progress = _progress(sample(RunStarted), sample(Sighted), sample(Evidence))
    (row,) = progress.findings.values()
    assert row.missing == {"native.txt": "no core: the limit is 0"}
    progress.see(sample(Evidence, path="workers/1/native.txt", problem=""))
    assert row.missing == {}


def test_memory_leak_has_no_rate() -> None:
    """A growth is told once per worker: its rate per iteration would be nonsense."""
    progress = _progress(sample(RunStarted), sample(Sighted, kind=Kind.LEAK, promise="memory"))
    (row,) = progress.findings.values()
    assert row.say_rate(1000) == ""


def test_time_left() -> None:
    """What is left of the minutes goes by the clock, and never below nothing."""
    assert _progress(sample(RunStarted, t=1000.0, minutes=30.0), now=1090.0).seconds_left == 1710.0
    assert _progress(sample(RunStarted, t=1000.0, minutes=1.0), now=5000.0).seconds_left == 0.0
    assert _progress(sample(RunStarted, minutes=None)).seconds_left is None


def test_iterations_left() -> None:
    """What is left of the iterations counts those that a worker died in as done."""
    progress = _progress(
        sample(RunStarted, count=10, minutes=None), sample(WorkerStarted), sample(WorkerEnded, iterations=1)
    )
    assert progress.iterations_left == 8


def test_bound() -> None:
    """The bound is that of all iterations together."""
    assert folded(clean(iterations=180)).bound == pytest.approx(0.00829, rel=1e-2)


def test_notes_are_bounded() -> None:
    """A run of many notes keeps the last ones."""
    progress = _progress(*(sample(Note, text=str(n)) for n in range(1000)))
    assert [note.text for note in progress.notes][-1] == "999"
    assert len(progress.notes) < 100


def test_flat_memory() -> None:
    """After many workers and sightings of few bugs, the fold is as small as after few."""
    progress = _progress(sample(RunStarted))
    for number in range(5000):
        progress.see(sample(WorkerStarted, worker=number))
        progress.see(sample(Sample, t=1000.0 + number, worker=number))
        progress.see(sample(Sighted, worker=number, sighting=number))
        progress.see(sample(WorkerEnded, t=1000.0 + number, worker=number))
    assert len(progress._workers) == 0
    assert len(progress._names) <= 1000
    assert len(progress.scenarios["storm"]._pace) < 50


@pytest.mark.parametrize("event", ALL.values(), ids=lambda event: type(event).__name__)
def test_any_event_first(event: Event) -> None:
    """A stream that begins in the middle folds without an error."""
    assert _progress(event).broken_lines == 0


def test_recorded_run(tmp_path: Path) -> None:
    """A recorded stream folds to what the live one did."""
    progress = fold(write(tmp_path / "events.jsonl", crashing()))
    live = folded(crashing())
    assert progress.totals == live.totals
    assert {row.id: row.hits for row in progress.findings.values()} == {
        row.id: row.hits for row in live.findings.values()
    }
    assert progress.elapsed == 60.0
    assert progress.broken_lines == 0


def test_killed_run(tmp_path: Path) -> None:
    """A stream whose last line is cut, at any place, folds as far as it goes."""
    path = write(tmp_path / "events.jsonl", clean(iterations=5))
    whole = path.read_bytes()
    last = whole.rstrip().rfind(b"\n") + 1
    for end in range(last + 1, len(whole) - 1, 11):
        path.write_bytes(whole[:end])
        progress = fold(path)
        assert progress.totals.iterations == 10
        assert progress.ended is None
        assert progress.broken_lines == 1
        assert 0 < progress.elapsed < 100


def test_garbage_in_the_middle(tmp_path: Path) -> None:
    """Lines that are no events are counted and passed over."""
    path = write(tmp_path / "events.jsonl", clean(iterations=5))
    path.write_bytes(b"\xff\0\n{}\n[]\n" + path.read_bytes())
    progress = fold(path)
    assert progress.broken_lines == 3
    assert progress.scenarios["mutation_storm"].sometimes == {MARK: 3}
