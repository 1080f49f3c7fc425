"""``soak repro`` of what a schedule has shown: that schedule again, in fresh processes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from soak.cli.exits import UsageProblem
from soak.cli.explore_scenario import Subject, exploring
from soak.cli.session import say
from soak.cli.subject import Subject as Wanted
from soak.cli.subject import stand
from soak.events import Verdict
from soak.findings.finding import Reproducer, Reproduction
from soak.findings.recipe import exploring as exploring_line
from soak.findings.store import Store
from soak.triage.reproduce import Reproduced, Tally

#: How often it is tried where nobody says: it is exact, so that more would tell nothing new.
COUNT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """How a schedule is brought back."""

    count: int | None
    until_hit: bool
    python: str
    out: Path
    db: str


def schedule_of(wanted: Wanted, changed: bool) -> Reproducer | None:
    """The schedule that brings ``wanted`` back; None where there is none, or the user has said otherwise."""
    return None if changed or wanted.filed is None else wanted.filed.schedule


def replay(wanted: Wanted, known: Reproducer, options: ReplayOptions) -> Reproduced:
    """Replay the schedule of ``known``, and count how often it brought ``wanted`` back. The lock is held.

    Raises:
        UsageProblem: the token is for another Python or for other source: named, and not replayed.
    """
    here = stand(wanted, python=options.python or known.python, out=options.out, known=known)
    tries = options.count or COUNT
    say(f"soak: {wanted.id}: {wanted.title}; replaying its schedule {tries} times, in fresh processes")
    subject = Subject(
        entry=here.entry,
        interpreter=here.interpreter,
        out=options.out,
        target=known.target,
        python=here.python,
        seed=known.seed,
        hang_after=known.hang_after,
        db=options.db,
    )
    tally = Tally(wanted.id, named=wanted.named)
    spec = {"target": known.target, "switch_at": [], "schedules": 1, "seed": known.seed, "token": known.token}
    with exploring(subject, count=tries, views=[tally]) as course:
        for _ in range(tries):
            try:
                course.child(spec)
            except UsageProblem as problem:
                again = exploring_line(known, Path.cwd())
                raise UsageProblem(f"{problem}. To look for it in the source of now: {again}") from problem
            if options.until_hit and tally.result().hits:
                break
        course.settle(Verdict.FINDINGS if _found(tally.result()) else Verdict.CLEAN, "replayed")
    return tally.result()


def measured(result: Reproduced, wanted: Wanted, store: Store) -> None:
    """Note the rate of the replays."""
    if wanted.filed is not None and result.tries:
        store.record_reproduction(
            wanted.id, Reproduction(t=time.time(), hits=result.hits, tries=result.tries)
        )


def _found(result: Reproduced) -> bool:
    return bool(result.hits or result.different)
