"""Whether a finding is fixed: how many clean tries show it, on which of its seeds, and what they say."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from soak.findings import occurrence
from soak.findings.finding import Finding, Reproducer, reproducer_of
from soak.findings.statistics import CONFIDENCE, chance_of_clean, clean_runs_needed, percent
from soak.findings.store import Store
from soak.triage.rates import Rate
from soak.triage.reproduce import Reproduced


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was shown: ``clean`` tries of the ``needed``, ``hits`` in ``tries``, what else came."""

    rate: Rate
    confidence: float
    needed: int
    clean: int
    hits: int
    tries: int
    cut: int
    different: dict[str, int]

    @property
    def fixed(self) -> bool | None:
        """Yes, no, or None where it is not shown."""
        if self.hits:
            return False
        return True if self.clean >= self.needed else None

    def in_words(self) -> str:
        """The answer, and what it rests on."""
        sure = percent(self.confidence)
        before = f"{self.rate.in_words()}"
        if self.hits:
            return f"no: brought back {self.hits}/{self.tries}; before: {before}"
        chance = percent(chance_of_clean(self.rate.hits, self.rate.tries, self.clean))
        shown = f"{self.clean} clean tries against {before}: by chance {chance} % (Fisher's exact test)"
        if self.fixed:
            return f"yes, with {sure} % confidence: {shown}"
        missing = self.needed - self.clean
        lines = [f"not shown: {missing} of {self.needed} clean tries are missing for {sure} %; {shown}"]
        if self.cut:
            lines.append(f"{self.cut} tries were no evidence: something else ended them first")
        return "\n".join(lines)


def pool(store: Store, finding: Finding) -> tuple[Reproducer, ...]:
    """The finding's own seeds: one reproducer for each place where it was seen, the latest first.

    As far as its occurrences are kept. How it is run (perturbation, limits, interpreter) is the latest's; a
    place is a scenario with its target, a seed and an iteration.
    """
    latest = finding.reproducer
    found = [latest]
    for folder in reversed(store.occurrences(finding.id)):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            kept = occurrence.read(folder)
            found.append(reproducer_of(kept.sighted, kept.context))
    return _distinct(known for known in found if _place(known)[:3] == _place(latest)[:3])


def _distinct(found: Iterable[Reproducer]) -> tuple[Reproducer, ...]:
    distinct: dict[tuple[object, ...], Reproducer] = {}
    for known in found:
        distinct.setdefault(_place(known), known)
    latest = next(iter(distinct.values()))
    return tuple(
        dataclasses.replace(
            latest, seed=known.seed, first_iteration=known.first_iteration, iteration=known.iteration
        )
        for known in distinct.values()
    )


def _place(known: Reproducer) -> tuple[object, ...]:
    return (known.scenario_file, known.scenario, known.target, known.seed, known.iteration)


def shares(tries: int, places: int) -> tuple[int, ...]:
    """How many of the tries each place gets: as even as can be, the first ones one more."""
    return tuple(tries // places + (number < tries % places) for number in range(places))


def needed(rate: Rate, confidence: float = CONFIDENCE) -> int:
    """How many clean tries show that it comes less often than ``rate``."""
    return clean_runs_needed(rate.hits, rate.tries, confidence)


def answer_of(rate: Rate, confidence: float, results: Iterable[Reproduced]) -> Answer:
    """What the tries of all places say together."""
    all_results = list(results)
    different: dict[str, int] = {}
    for result in all_results:
        for name, times in result.different.items():
            different[name] = different.get(name, 0) + times
    return Answer(
        rate=rate,
        confidence=confidence,
        needed=needed(rate, confidence),
        clean=sum(result.clean for result in all_results),
        hits=sum(result.hits for result in all_results),
        tries=sum(result.tries for result in all_results),
        cut=sum(result.cut for result in all_results),
        different=different,
    )
