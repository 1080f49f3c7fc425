"""The live table, drawn into texts of two widths."""

from __future__ import annotations

import io

import pytest
from rich.cells import cached_cell_len
from rich.console import Console

from soak.events import Event, Kind, Note, RunEnded, RunStarted, Sighted
from soak.report.fold import Progress
from soak.report.live import FINDINGS_SHOWN, REFRESH_S, Live, picture
from soak.report.plain import Plain
from soak.report.views import views_for
from tests.detect.samples import sample
from tests.report.streams import clean, crashing, judged


def _progress(*events: Event) -> Progress:
    progress = Progress(clock=lambda: 30.0)
    for event in events:
        progress.see(event)
    return progress


def _draw(progress: Progress, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(picture(progress, width))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def _amid_a_storm() -> Progress:
    """A run stopped in the middle of its second worker."""
    events = [event for event in judged(crashing()) if not isinstance(event, RunEnded)]
    alive = list(judged(clean(iterations=7)))[1:4]
    return _progress(*events, *alive)


@pytest.mark.parametrize("width", [80, 120])
def test_fits(width: int) -> None:
    """No line is longer than the terminal is wide, and none is broken in two."""
    lines = _draw(_amid_a_storm(), width)
    assert all(len(line) <= width for line in lines)
    assert len(lines) == 6
    assert lines[0].startswith("soak 30.0 s  29 min 30 s left  seed 7  rate bound ")
    assert lines[1].startswith("     findings: 1 crash")
    assert lines[3].startswith("mutation_storm")
    assert "SIGSEGV in innermost (arm/engine.py)" in lines[4]
    assert lines[5] == "skipped render_storm: no GL"


def test_names_of_columns() -> None:
    """A wide terminal has room for the full names; a narrow one for short ones."""
    assert "iterations/s" in _draw(_amid_a_storm(), 120)[2]
    assert "it/s" in _draw(_amid_a_storm(), 80)[2]


def test_long_names_are_cut() -> None:
    """Names and titles that are too long are cut, not wrapped."""
    progress = _progress(
        sample(
            RunStarted, t=0.0, scenarios=("a_scenario_with_a_name_that_is_far_too_long_for_any_terminal",)
        ),
        sample(Sighted, scenario="", title="word " * 100),
    )
    lines = _draw(progress, 80)
    assert all(len(line) <= 80 for line in lines)
    assert len(lines) == 5


def test_many_findings() -> None:
    """The newest findings are shown and the others counted: the table keeps its height."""
    sightings = [
        sample(
            Sighted,
            kind=Kind.VIOLATION,
            promise=f"promise {chr(97 + n)}",
            sighting=n,
            t=float(n),
            title=f"p{n}",
        )
        for n in range(26)
    ]
    lines = _draw(_progress(sample(RunStarted, t=0.0), *sightings), 120)
    assert "… and 18 earlier findings" in lines
    assert lines[-1].endswith("p25")
    assert len([line for line in lines if line.startswith("violation-")]) == FINDINGS_SHOWN


def test_markup_is_not_obeyed() -> None:
    """A promise may hold brackets, which are no markup, and escape sequences, which are not passed on."""
    progress = _progress(sample(RunStarted, t=0.0), sample(Sighted, title="[bold]x[/bold] \x1b[2J [/]"))
    assert any("[bold]x[/bold]  [2J [/]" in line for line in _draw(progress, 100))


def _terminal(**options: object) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, **options)  # type: ignore[arg-type]


def _written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_draws_at_most_four_times_a_second() -> None:
    """Ticks draw no more often than people can read, and only between the run's first and last event."""
    now = 0.0
    progress = _progress(sample(RunStarted, t=0.0))
    console = _terminal()
    live = Live(progress, console, clock=lambda: now)
    live.tick()
    assert _written(console) == ""
    live.see(sample(RunStarted))
    drawn = []
    for tick in range(40):
        now = tick * 0.05
        before = len(_written(console))
        live.tick()
        drawn.append(len(_written(console)) > before)
    assert sum(drawn) == 8
    live.see(sample(RunEnded))
    before = len(_written(console))
    live.tick()
    assert len(_written(console)) == before


def test_old_pictures_are_forgotten() -> None:
    """What rich remembers of pictures that differ is thrown away every minute: nothing piles up."""
    now = 0.0
    progress = Progress(clock=lambda: now)
    remembered = []
    with Live(progress, _terminal(), clock=lambda: now) as live:
        progress.see(sample(RunStarted, t=0.0, scenarios=("a",), minutes=600.0))
        for step in range(1000):
            now = step * REFRESH_S
            live.tick()
            remembered.append(cached_cell_len.cache_info().currsize)
    assert max(remembered[500:]) <= max(remembered[:500]) + 50


def test_notes_scroll_by() -> None:
    """A note for people stays on the screen, above the table."""
    console = _terminal()
    with Live(_progress(sample(RunStarted, t=0.0)), console) as live:
        live.see(sample(Note))
    assert "note: ptrace is not permitted" in _written(console)


def test_cursor_comes_back() -> None:
    """However the view is left, the terminal has its cursor again."""
    console = _terminal()
    with Live(_progress(sample(RunStarted, t=0.0)), console) as live:
        live.update()
    assert _written(console).rfind("\x1b[?25h") > _written(console).rfind("\x1b[?25l") >= 0


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR the table is drawn without colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    console = _terminal(color_system="truecolor")
    with Live(_amid_a_storm(), console) as live:
        live.update()
    assert "\x1b[31m" not in _written(console)
    assert "\x1b[1;31m" not in _written(console)
    assert "mutation_storm" in _written(console)


def test_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets the table, a log plain lines even where FORCE_COLOR is set, the quiet nothing."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    progress = _progress()
    assert [type(view) for view in views_for(progress, quiet=False, terminal=True)] == [Live]
    assert [type(view) for view in views_for(progress, quiet=False, terminal=False)] == [Plain]
    assert views_for(progress, quiet=True, terminal=True) == ()
