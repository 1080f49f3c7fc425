"""Progress without a terminal."""

from __future__ import annotations

from soak.events import Note, RunStarted, Sample, Sighted, WorkerStarted
from soak.report.fold import Progress
from soak.report.plain import Plain, progress_line
from tests.detect.samples import sample
from tests.report.streams import crashing, judged


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _view(clock: Clock) -> tuple[Progress, Plain, list[str]]:
    lines: list[str] = []
    progress = Progress(clock=clock)
    return progress, Plain(progress, lines.append, clock=clock), lines


def test_a_line_every_thirty_seconds() -> None:
    """Ticks write nothing until half a minute is over, and then one line each time."""
    clock = Clock()
    progress, plain, lines = _view(clock)
    progress.see(sample(RunStarted, t=0.0))
    for second in range(91):
        clock.now = float(second)
        plain.tick()
    assert len(lines) == 3
    assert lines[0].startswith("soak      30.0 s  0 iterations")
    assert lines[0].endswith("29 min 30 s left\n")


def test_each_new_finding_at_once_and_once() -> None:
    """Seven crashes of one bug are one line, at once."""
    progress, plain, lines = _view(Clock())
    for event in judged(crashing()):
        progress.see(event)
        plain.see(event)
    told = [line for line in lines if "found " in line]
    assert len(told) == 1
    assert "SIGSEGV in innermost (arm/engine.py) (mutation_storm, iteration 1000)" in told[0]
    assert sum("skipped render_storm: no GL; apt install libosmesa6" in line for line in lines) == 1


def test_notes_at_once() -> None:
    """A note for people is told when it comes."""
    _progress, plain, lines = _view(Clock())
    plain.see(sample(Note))
    assert lines == ["soak       0.0 s  note: ptrace is not permitted\n"]


def test_one_event_is_one_line() -> None:
    """What a target put into its texts cannot break the log or colour the terminal."""
    progress, plain, lines = _view(Clock())
    evil = sample(Sighted, title="a\nb\x1b[31mc\rd")
    progress.see(evil)
    plain.see(evil)
    assert len(lines) == 1
    assert lines[0].count("\n") == 1
    assert "\x1b" not in lines[0]


def test_progress_line() -> None:
    """The line has rates, refusals, findings, the bound and what is left."""
    progress = Progress(clock=lambda: 1060.0)
    for event in (
        sample(RunStarted, t=1000.0),
        sample(WorkerStarted),
        sample(Sample, t=1010.0, operations=0, iterations=0),
        sample(Sample, t=1020.0, operations=20_000, refused=19_000, accepted=1000, iterations=20),
        sample(Sighted),
    ):
        progress.see(event)
    assert progress_line(progress) == (
        "20 iterations (2.0/s), 20.0k operations (2.00k/s, 95 % refused), findings: 1 crash, "
        "rate bound 14 %, 29 min 00 s left"
    )
