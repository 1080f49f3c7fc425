"""``soak canary``: planted defects must be found, as the right kind; correct targets must pass."""

from __future__ import annotations

import fnmatch
import json
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from soak.canaries.catalogue import CANARIES, CLEAN, Canary, CanaryOutcome, CleanPair, Smelled, judge
from soak.cli.exits import Exit, UsageProblem
from soak.cli.selection import Selection, select
from soak.cli.session import Outcome, answer, execute, fresh_seed, interpreter_of, locked, say
from soak.events import Event, Sighted, to_plain
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.plan import HANG_AFTER_S, Plan
from soak.supervisor.run import Ending

#: A canary that is not smelled by then is missed.
LIMIT_MINUTES = 1.0
#: The table's columns where there is no terminal: a log is no 80 columns wide.
_WIDTH = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the tries of one canary (or one correct target) came to."""

    name: str
    about: str
    expected: str
    found: tuple[str, ...]
    seconds: tuple[float, ...]
    right: int
    tries: int
    skipped: str = ""

    @property
    def ok(self) -> bool:
        return self.right == self.tries


class Sightings:
    """A view that keeps what was sighted."""

    def __init__(self) -> None:
        self.seen: list[Sighted] = []

    def see(self, event: Event) -> None:
        if isinstance(event, Sighted):
            self.seen.append(event)

    def tick(self) -> None:
        pass


def canary(names: tuple[str, ...], *, tries: int, clean: float, out: Path, as_json: bool) -> int:
    """Try each canary ``tries`` times and each correct target for ``clean`` seconds; 0 when all is right."""
    chosen = _choose(names)
    rows: list[Row] = []
    with locked(out, 0.0):
        interpreter = interpreter_of("", out)
        for planted in chosen:
            rows.append(_try(planted, tries, interpreter, out))
            say(_progress(rows[-1]))
        if clean and not names:
            for pair in CLEAN:
                rows.append(_try_clean(pair, clean, interpreter, out))
                say(_progress(rows[-1]))
    if as_json:
        answer(json.dumps([to_plain(row) | {"ok": row.ok} for row in rows], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else _WIDTH).print(_table(rows))
    failed = [row.name for row in rows if not row.ok]
    skipped = [row.name for row in rows if row.skipped]
    if skipped:
        say(f"soak: skipped: {', '.join(skipped)}")
    if failed:
        say(f"soak: the nose failed on {', '.join(failed)}; the evidence is kept in {out / 'canary'}")
    return Exit.HARNESS_FAULT if failed else Exit.CLEAN


def _choose(names: tuple[str, ...]) -> list[Canary]:
    if not names:
        return list(CANARIES)
    chosen = []
    for name in names:
        matching = [planted for planted in CANARIES if fnmatch.fnmatch(planted.name, name)]
        if not matching:
            known = ", ".join(planted.name for planted in CANARIES)
            raise UsageProblem(
                f"unknown canary {name!r}; expected one of {known}, or a pattern like 'stop_*'"
            )
        chosen += matching
    return list(dict.fromkeys(chosen))


def _try(planted: Canary, tries: int, interpreter: Interpreter, out: Path) -> Row:
    selection = select([planted.scenario], interpreter)
    outcomes: list[CanaryOutcome] = []
    if selection.entries:
        outcomes = [_try_once(planted, selection, interpreter, out, number) for number in range(tries)]
    return Row(
        name=planted.name,
        about=planted.about,
        expected=planted.expected,
        found=tuple(dict.fromkeys(outcome.found for outcome in outcomes)),
        seconds=tuple(outcome.seconds for outcome in outcomes if outcome.seconds is not None),
        right=sum(outcome.ok for outcome in outcomes),
        tries=len(outcomes),
        skipped="; ".join(f"{skip.reason}; {skip.remedy}" for skip in selection.skipped),
    )


def _try_once(
    planted: Canary, selection: Selection, interpreter: Interpreter, out: Path, number: int
) -> CanaryOutcome:
    plan = Plan(
        entries=selection.entries,
        seed=fresh_seed(),
        jobs=1,
        out=out / "canary" / f"{planted.name}-{number}",
        minutes=LIMIT_MINUTES,
        until_fail=True,
        target=planted.target,
        hang_after=planted.hang_after or HANG_AFTER_S,
        hang_after_given=planted.hang_after is not None,
        perturb=planted.perturb,
        guard_malloc=planted.guard_malloc,
    )
    sightings, outcome, began = _run(plan, interpreter)
    judged = judge(planted, sightings, started=began)
    if outcome.ending is Ending.CANNOT_START:
        judged = CanaryOutcome(
            canary=planted.name, smelled=Smelled.NOTHING, found=outcome.problem, seconds=None
        )
    if judged.ok:
        shutil.rmtree(plan.out, ignore_errors=True)
    return judged


def _try_clean(pair: CleanPair, seconds: float, interpreter: Interpreter, out: Path) -> Row:
    selection = select([pair.scenario], interpreter)
    name = f"correct: {Path(pair.scenario).stem}"
    found: list[Sighted] = []
    if selection.entries:
        plan = Plan(
            entries=selection.entries,
            seed=fresh_seed(),
            jobs=1,
            out=out / "canary" / Path(pair.scenario).stem,
            minutes=seconds / 60.0,
            target=pair.target,
        )
        found, _outcome, _began = _run(plan, interpreter)
        if not found:
            shutil.rmtree(plan.out, ignore_errors=True)
    return Row(
        name=name,
        about="a correct target",
        expected="nothing",
        found=tuple(dict.fromkeys(f"{sighted.kind.value}: {sighted.title}" for sighted in found)),
        seconds=(seconds,),
        right=int(not found) if selection.entries else 0,
        tries=1 if selection.entries else 0,
        skipped="; ".join(f"{skip.reason}; {skip.remedy}" for skip in selection.skipped),
    )


def _run(plan: Plan, interpreter: Interpreter) -> tuple[list[Sighted], Outcome, float]:
    plan.out.mkdir(parents=True, exist_ok=True)
    view, began = Sightings(), time.time()
    outcome = execute(plan, interpreter, argv=["canary"], environment={}, views=lambda _progress: [view])
    return view.seen, outcome, began


def _progress(row: Row) -> str:
    mark = "skipped" if row.skipped else ("ok" if row.ok else "FAILED")
    return f"{mark:<8}{row.name:<32} {row.right}/{row.tries}  {_soon(row):<22} {'; '.join(row.found)[:90]}"


def _soon(row: Row) -> str:
    if not row.seconds:
        return ""
    if len(row.seconds) == 1:
        return f"{row.seconds[0]:.1f} s"
    low, middle, high = min(row.seconds), statistics.median(row.seconds), max(row.seconds)
    return f"{low:.1f}/{middle:.1f}/{high:.1f} s"


def _table(rows: list[Row]) -> Table:
    table = Table(title="canaries (how soon: min/median/max)", title_justify="left")
    for column in ("canary", "expected", "found", "how soon", "right"):
        table.add_column(column, overflow="fold")
    for row in rows:
        style = "yellow" if row.skipped else ("" if row.ok else "bold red")
        found = f"skipped: {row.skipped}" if row.skipped else "\n".join(row.found) or "nothing"
        table.add_row(row.name, row.expected, found, _soon(row), f"{row.right}/{row.tries}", style=style)
    return table
