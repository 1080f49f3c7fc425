"""What the memory holds, as it is compared: the one place that knows both the memory and the trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from soak.events import Kind
from soak.findings.memory import Acceptance, FindingRecord, FindingRun, Night, OccurrenceRecord
from soak.findings.morning import Morning, mornings
from soak.findings.standing import Judged, Standing
from soak.findings.trials import Place, Seen, Tally, Trials

#: soak's and the machine's faults have no rate per iteration, nor has a memory that grows: it is told once.
_TIMED_KINDS = (Kind.HARNESS, Kind.INFRA)
_TARGET = "--target"


class Remembers(Protocol):
    """What is asked of a :class:`soak.findings.memory.Memory`."""

    def nights(self) -> tuple[Night, ...]: ...
    def findings(self) -> tuple[FindingRecord, ...]: ...
    def occurrences(self, finding: str) -> tuple[OccurrenceRecord, ...]: ...
    def acceptances(self) -> tuple[Acceptance, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A night as it is remembered, and what there is to say of it."""

    night: Night
    morning: Morning


def told(memory: Remembers) -> list[Told]:
    """All nights, oldest first, each judged by those before it."""
    nights = memory.nights()
    records = {record.id: record for record in memory.findings()}
    shared = _shared(memory, nights)
    trials = [_trials(night, records, shared) for night in nights]
    judged = mornings(trials, memory.acceptances())
    return [Told(night=night, morning=morning) for night, morning in zip(nights, judged, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The last that a night said of a finding, and whether it is accepted by now."""

    night: str
    judged: Judged
    accepted: Acceptance | None


def latest(nights: Iterable[Told], acceptances: Iterable[Acceptance]) -> dict[str, Latest]:
    """By finding; nothing of those of which no night spoke."""
    accepted = {acceptance.finding: acceptance for acceptance in acceptances}
    return {
        judged.finding: Latest(
            night=each.night.run.name, judged=judged, accepted=accepted.get(judged.finding)
        )
        for each in nights
        for judged in each.morning.judged
    }


def gone_by_now(nights: Iterable[Told]) -> frozenset[str]:
    """The findings that are gone, as of the last night, accepted or not."""
    gone: set[str] = set()
    for each in nights:
        for judged in each.morning.judged:
            (gone.add if judged.standing is Standing.GONE else gone.discard)(judged.finding)
    return frozenset(gone)


def target_of(argv: Sequence[str]) -> str:
    """The target that a command line names; "" for the scenario's own."""
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        if word == _TARGET:
            return following
        if word.startswith(f"{_TARGET}="):
            return word.partition("=")[2]
    return ""


Shared = Mapping[tuple[str, str], Mapping[str, int]]


def _shared(memory: Remembers, nights: Iterable[Night]) -> Shared:
    """For findings that came up in several scenarios, by finding and run: the hits of each scenario."""
    names = {found.finding for night in nights for found in night.findings if len(found.scenarios) > 1}
    split: dict[tuple[str, str], Counter[str]] = {}
    for name in sorted(names):
        hits = {(one.run, one.scenario, one.worker, one.iteration) for one in memory.occurrences(name)}
        for run, scenario, _worker, _iteration in hits:
            split.setdefault((name, run), Counter())[scenario] += 1
    return split


def _trials(night: Night, records: Mapping[str, FindingRecord], shared: Shared) -> Trials:
    target = target_of(night.run.argv)
    return Trials(
        run=night.run.name,
        t=night.run.started,
        seconds=night.run.seconds,
        efforts={
            Place(scenario=row.scenario, target=target): Tally(tries=row.tries, seconds=row.seconds)
            for row in night.scenarios
        },
        seen={
            found.finding: _seen(found, records[found.finding], target, shared) for found in night.findings
        },
    )


def _seen(found: FindingRun, record: FindingRecord, target: str, shared: Shared) -> Seen:
    if len(found.scenarios) > 1:
        hits = dict(shared[found.finding, found.run.name])
    else:
        hits = dict.fromkeys(found.scenarios, found.hits)
    return Seen(
        finding=record.id,
        kind=record.kind,
        title=record.title,
        hits={Place(scenario=name, target=target): count for name, count in hits.items()},
        timed=record.kind in _TIMED_KINDS or record.parts[1:2] == ("memory",),
    )
