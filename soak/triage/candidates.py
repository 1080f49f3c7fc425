"""Candidates for a smaller scenario, put to the proof: written as files, run, and judged by what came."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from soak.files import write_whole
from soak.supervisor.plan import Entry, Plan
from soak.triage.bench import Bench, Count
from soak.triage.pool import Choice
from soak.triage.shape import Shape, Source
from soak.triage.shrink import OutOfTime
from soak.triage.sprt import Judgement, Sprt

_SHORTEST_RUN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A shape, and how often it brought the finding back."""

    shape: Shape
    count: Count


class Candidates:
    """Runs shapes of one scenario. ``plan`` is what brings the finding back, ``folder`` is for its files."""

    def __init__(self, bench: Bench, source: Source, entry: Entry, plan: Plan, folder: Path) -> None:
        self._bench = bench
        self._source = source
        self._entry = entry
        self._plan = plan
        self._folder = folder
        self._serial = 0
        self._choices: tuple[Choice, ...] = ()

    def choose(self, choices: Sequence[Choice]) -> None:
        """Take the choices of all further tries from ``choices``, round and round."""
        self._choices = tuple(choices)

    def measure(self, shape: Shape, *, tries: int, seconds: float, hits: int | None = None) -> Count:
        """Try ``shape`` so often, or so long, or until it had so many ``hits``.

        Raises:
            Interrupted, BenchError: as :meth:`~soak.triage.bench.Bench.count`.
        """
        plan = self._plan_for(shape, tries, seconds)
        return self._count(plan, lambda count: hits is not None and count.hits >= hits)

    def prove(self, shape: Shape, test: Sprt, seconds: float) -> tuple[Judgement, Count]:
        """Try ``shape`` until ``test`` has decided; open, where the time was not enough.

        Raises:
            Interrupted, BenchError: as :meth:`~soak.triage.bench.Bench.count`.
        """
        plan = self._plan_for(shape, test.limit, seconds)
        count = self._count(plan, lambda count: test.has_decided(count.hits, count.tries))
        return test.judge(count.hits, count.tries), count

    def _count(self, plan: Plan, enough: Callable[[Count], bool]) -> Count:
        count = self._bench.count(plan, enough)
        used = count.tries % len(self._choices)
        self._choices = self._choices[used:] + self._choices[:used]
        return count

    def _plan_for(self, shape: Shape, tries: int, seconds: float) -> Plan:
        self._serial += 1
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"candidate_{self._serial}.py"
        write_whole(file, self._source.text(shape, self._folder, "A candidate."), sync=False)
        entry = dataclasses.replace(
            self._entry, file=file, seconds=shape.seconds, waived=self._entry.sometimes
        )
        return dataclasses.replace(
            self._plan,
            entries=(entry,),
            target="",
            perturb=shape.perturb,
            count=tries,
            minutes=max(_SHORTEST_RUN_S, seconds) / 60,
            pool=self._choices,
        )


class Proof:
    """What a :class:`~soak.triage.shrink.Shrinker` asks; remembers what was ``accepted``, in order."""

    def __init__(
        self,
        candidates: Candidates,
        test: Sprt,
        left: Callable[[], float],
        tell: Callable[[Shape, Judgement, Count], None],
    ) -> None:
        """``left`` says how many seconds are left; ``tell`` hears of each answer."""
        self._candidates = candidates
        self._test = test
        self._left = left
        self._tell = tell
        self.accepted: list[Measured] = []

    def __call__(self, shape: Shape) -> bool:
        """Whether ``shape`` still shows the finding at a usable rate.

        Raises:
            OutOfTime: before that was known.
        """
        if self._left() <= 0:
            raise OutOfTime
        judgement, count = self._candidates.prove(shape, self._test, self._left())
        if judgement is Judgement.OPEN and self._left() <= 0:
            raise OutOfTime
        self._tell(shape, judgement, count)
        if judgement is Judgement.ACCEPT:
            self.accepted.append(Measured(shape=shape, count=count))
        return judgement is Judgement.ACCEPT
