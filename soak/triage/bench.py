"""Tries of one finding, run and counted: each in a fresh worker, until enough is known.

What comes is named and counted, not filed: a hundred tries would push the evidence of last night out. Of
every other finding that comes, the first sighting is filed: nobody was looking for it.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from soak.events import (
    Event,
    Evidence,
    Kept,
    LastWords,
    Preceded,
    Sighted,
    Verdict,
    WorkerEnded,
    WorkerStarted,
)
from soak.findings.keeper import StoreKeeper
from soak.findings.signature import former_names, signature
from soak.findings.statistics import say_rate
from soak.findings.store import Store
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.machine import environment
from soak.supervisor.plan import Entry, Plan
from soak.supervisor.run import Ending, Run
from soak.supervisor.stream import StreamError

#: The store's count decides how much evidence is gathered; so far on, nothing costly is.
_LATE_OCCURRENCE = 1000


class BenchError(Exception):
    """The tries cannot be made, with the reason in words."""


class Interrupted(Exception):
    """Somebody sent a signal while tries were made."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by signal {number}")
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What tries brought. One that did not come to the iteration in question is none: ``sooner`` counts
    those in which what was run before it had the finding already, ``lost`` those that ended otherwise.

    ``sooner_at`` is the iteration in which it mostly came sooner, -1 for none. ``slowest`` is the longest
    time from a worker's start to its hit, in seconds; ``different`` are other findings by their names, with
    how often they came.
    """

    hits: int = 0
    tries: int = 0
    sooner: int = 0
    lost: int = 0
    sooner_at: int = -1
    slowest: float = 0.0
    different: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.hits / self.tries if self.tries else 0.0

    def in_words(self) -> str:
        """``18/20 (90 %, 95 % interval 70–97 %)``."""
        return say_rate(self.hits, self.tries)


@dataclass(slots=True)
class _Try:
    """One worker, as far as its events have told. ``asked``: it was stopped, which makes it no try."""

    began: float
    preceded: int = 0
    hit_after: float | None = None
    sooner_at: int | None = None
    asked: bool = False
    ended: bool = False


class Tries:
    """A view that counts: one worker is one try, where ``parts`` of what comes before were done in it.

    The events may come in any order: a crash is sighted after its worker's end.
    """

    def __init__(self, finding: str, *, parts: int = 0) -> None:
        self._finding = finding
        self._parts = parts
        self._tries: dict[int, _Try] = {}
        self._worker_of: dict[int, Sighted] = {}
        self._different: Counter[str] = Counter()

    def see(self, event: Event) -> None:
        match event:
            case WorkerStarted():
                self._tries[event.worker] = _Try(began=event.t)
            case Preceded():
                self._tries[event.worker].preceded += 1
            case Sighted():
                self._worker_of[event.sighting] = event
            case Kept():
                self._kept(event, self._worker_of.pop(event.sighting))
            case LastWords():
                self._tries[event.worker].asked |= event.reason == "asked"
            case WorkerEnded():
                attempt = self._tries[event.worker]
                attempt.ended = True
                attempt.asked |= event.asked not in ("", "hang")
            case _:
                pass

    def tick(self) -> None:
        pass

    def count(self) -> Count:
        """The count so far, of tries that have ended."""
        ended = [each for each in self._tries.values() if each.ended and not each.asked]
        hits = [each.hit_after for each in ended if each.hit_after is not None]
        sooner = [each.sooner_at for each in ended if each.sooner_at is not None]
        came = sum(each.preceded >= self._parts for each in ended)
        return Count(
            hits=len(hits),
            tries=came,
            sooner=len(sooner),
            lost=len(ended) - came - len(sooner),
            sooner_at=Counter(sooner).most_common(1)[0][0] if sooner else -1,
            slowest=max(hits, default=0.0),
            different=dict(self._different),
        )

    def _kept(self, kept: Kept, sighted: Sighted) -> None:
        attempt = self._tries.get(sighted.worker)
        if self._finding not in {kept.finding, *former_names(sighted)}:
            self._different[kept.finding] += 1
        elif attempt is not None and attempt.preceded < self._parts:
            attempt.sooner_at = sighted.iteration
        elif attempt is not None and attempt.hit_after is None:
            attempt.hit_after = max(0.0, sighted.t - attempt.began)


class _Keeper:
    """A run's keeper that names sightings, and hands on what is worth filing."""

    def __init__(self, filing: StoreKeeper, known: set[str]) -> None:
        """``known`` are the findings of which no more is filed; those filed here are added to it."""
        self._filing = filing
        self._known = known

    def keep(self, sighted: Sighted) -> Kept:
        name = signature(sighted).id
        if name not in self._known:
            self._known.add(name)
            return self._filing.keep(sighted)
        return Kept(
            t=sighted.t,
            sighting=sighted.sighting,
            finding=name,
            occurrence=_LATE_OCCURRENCE,
            new=False,
            path="",
        )

    def add(self, evidence: Evidence) -> None:
        self._filing.add(evidence)

    def know(self, facts: Mapping[str, str]) -> None:
        self._filing.know(facts)


class Bench:
    """Makes tries of ``finding``, in runs below ``folder`` of which nothing is left behind.

    Other findings go to ``store``, as ``entry``'s with ``target``: what is tried may be a part of it that
    nobody else can run. :attr:`different` counts them all.
    """

    def __init__(
        self, finding: str, interpreter: Interpreter, folder: Path, *, store: Store, entry: Entry, target: str
    ) -> None:
        self._finding = finding
        self._interpreter = interpreter
        self._folder = folder
        self._store = store
        self._entry = entry
        self._target = target
        self._known = {finding}
        self._serial = 0
        self.different: Counter[str] = Counter()

    def count(self, plan: Plan, enough: Callable[[Count], bool] = lambda _count: False) -> Count:
        """Run ``plan``, whose workers are tries, until its budget is spent or there is ``enough``.

        Raises:
            Interrupted: a signal ended it.
            BenchError: the scenario cannot start any more, or the disk failed.
        """
        self._serial += 1
        folder = self._folder / str(self._serial)
        folder.mkdir(parents=True)
        tries = Tries(self._finding, parts=len(plan.before))
        whole = dataclasses.replace(plan, entries=(self._entry,), target=self._target)
        filing = StoreKeeper(self._store, whole, folder, environment(self._interpreter.executable))
        try:
            run = Run(
                dataclasses.replace(plan, cores=False),
                self._interpreter,
                folder,
                keeper=_Keeper(filing, self._known),
                views=[tries],
                judge=lambda: Verdict.CLEAN,
                enough=lambda: enough(tries.count()),
            )
            run.execute((), {}, ())
        except (OSError, StreamError) as error:
            raise BenchError(f"{folder}: {error}") from error
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        if run.ending is Ending.INTERRUPTED:
            raise Interrupted(run.signal)
        if run.ending in (Ending.CANNOT_START, Ending.DISK):
            raise BenchError(run.problem)
        count = tries.count()
        self.different.update(count.different)
        return count
