"""Brings a finding back: the same iteration, in fresh workers, again; and counts how often it came."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from soak.events import Event, Kept, Kind, LastWords, RunStarted, Sighted, WorkerEnded
from soak.findings.finding import Finding, Reproducer
from soak.findings.signature import former_names
from soak.findings.statistics import say_rate
from soak.supervisor.plan import Entry, Plan

#: A leak needs its worker's earlier iterations too (warm-up, a slope), and some room to show again.
_LEAK_ROOM = 1.5
_LEAK_LEAST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """What the tries brought: ``first_after`` in seconds from the run's start, ``different`` by finding.

    ``cut`` counts the tries that something else ended before this finding could come: they are no evidence
    that it is gone.
    """

    finding: str
    hits: int
    tries: int
    first_after: float | None
    different: dict[str, int]
    cut: int = 0

    @property
    def clean(self) -> int:
        """Tries that ran to their end without the finding."""
        return self.tries - self.hits - self.cut

    def in_words(self) -> str:
        """ "brought back 7/20 (35 %, 95 % interval 18–57 %), first after 4 s"."""
        first = f", first after {self.first_after:.1f} s" if self.first_after is not None else ""
        others = say_different(self.different)
        return "\n".join([f"brought back {say_rate(self.hits, self.tries)}{first}", *others])


def say_different(different: Mapping[str, int]) -> list[str]:
    """Other findings than the one that was tried, one line for each."""
    return [
        f"a different finding came {times}×, and was kept: {name}"
        for name, times in sorted(different.items())
    ]


class Tally:
    """A view: one worker is one try, and a hit if the finding was sighted in it.

    ``named`` gives the names that a sighting had elsewhere: see :func:`soak.findings.recipe.names_in`. Once
    ``enough`` is true of the count between two tries, :attr:`has_enough` is, and nothing more counts.
    """

    def __init__(
        self,
        finding: str,
        enough: Callable[[Reproduced], bool] = lambda _so_far: False,
        named: Callable[[Sighted], Collection[str]] = lambda _sighted: (),
    ) -> None:
        self._finding = finding
        self._named = named
        self._enough = enough
        self._has_enough = self._has_news = False
        self._began = 0.0
        self._sighted: dict[int, Sighted] = {}
        self._hits: set[int] = set()
        self._hindered: set[int] = set()
        self._tried: set[int] = set()
        self._stopped: set[int] = set()
        self._in_the_middle: set[int] = set()
        self._first_after: float | None = None
        self._different: Counter[str] = Counter()

    @property
    def has_enough(self) -> bool:
        """Whether enough was seen. Ask between events: a violation is told before its worker's end, a crash
        after it."""
        if self._has_news and not self._in_the_middle:
            self._has_news = False
            self._has_enough = self._has_enough or self._enough(self.result())
        return self._has_enough

    def see(self, event: Event) -> None:
        if self._has_enough:
            return
        match event:
            case RunStarted():
                self._began = event.t
            case Sighted():
                self._sighted[event.sighting] = event
            case Kept():
                self._kept(event, self._sighted.pop(event.sighting))
            case LastWords(reason="asked"):
                self._stopped.add(event.worker)
            case WorkerEnded():
                self._ended(event)

    def _kept(self, kept: Kept, sighted: Sighted) -> None:
        worker = sighted.worker
        if self._finding in {kept.finding, *self._named(sighted), *former_names(sighted)}:
            self._hits.add(worker)
            if self._first_after is None:
                self._first_after = kept.t - self._began
        else:
            self._different[kept.finding] += 1
            # A leak is seen at rest: the operations before it have had their time.
            if sighted.kind is not Kind.LEAK:
                self._hindered.add(worker)
        # A worker that showed something was a try, even if it was asked to stop.
        if worker not in self._tried and worker not in self._stopped:
            self._in_the_middle.add(worker)
        self._tried.add(worker)
        self._has_news = True

    def _ended(self, ended: WorkerEnded) -> None:
        if ended.worker not in self._stopped and ended.asked in ("", "hang"):
            self._tried.add(ended.worker)
        self._in_the_middle.discard(ended.worker)
        self._has_news = True

    def tick(self) -> None:
        pass

    def result(self) -> Reproduced:
        """The count so far."""
        return Reproduced(
            finding=self._finding,
            hits=len(self._hits),
            tries=len(self._tried),
            first_after=self._first_after,
            different=dict(self._different),
            cut=len(self._hindered - self._hits),
        )


def plan_for(
    finding: Finding, entry: Entry, *, tries: int, out: Path, python: str, minutes: float | None = None
) -> Plan:
    """The run that tries to bring ``finding`` back: its iteration in fresh workers, ``tries`` times."""
    return plan_of(
        finding.kind, finding.reproducer, entry, tries=tries, out=out, python=python, minutes=minutes
    )


def plan_of(
    kind: Kind,
    known: Reproducer,
    entry: Entry,
    *,
    tries: int | None,
    out: Path,
    python: str,
    minutes: float | None = None,
) -> Plan:
    """As :func:`plan_for`, for a reproducer of a finding of ``kind`` that need not lie in any store.

    Without ``tries`` and ``minutes``, only an interrupt or enough hits end it.
    """
    first, span = known.iteration, 1
    if kind is Kind.LEAK:
        first = known.first_iteration
        span = max(_LEAK_LEAST, math.ceil(_LEAK_ROOM * (known.iteration - first + 1)))
    return Plan(
        entries=(entry,),
        seed=known.seed,
        jobs=1,
        out=out,
        count=tries,
        minutes=minutes,
        target=known.target,
        python=python or known.python,
        hang_after=known.hang_after,
        hang_after_given=True,
        perturb=known.perturb,
        guard_malloc=known.guard_malloc,
        first_iteration=first,
        span=span,
    )
