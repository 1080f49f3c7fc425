"""Findings over runs: where each came, where it could have come and did not, and how often of how many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from soak.findings.memory import tables
from soak.findings.memory.records import FindingRun, RunRecord, ScenarioRecord


@dataclass(slots=True, kw_only=True)
class Came:
    """Hits and sightings of one finding in one run, and the scenarios in which it came there."""

    hits: int = 0
    sightings: int = 0
    scenarios: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The runs in which a finding came first and last, and how often in all."""

    first: str
    last: str
    sightings: int


def came(connection: sa.Connection, runs: Sequence[int]) -> dict[tuple[int, str], Came]:
    """What came in these runs, by run and finding."""
    seen = tables.occurrences.c
    return _came(connection, seen.run.in_(runs))


def night(
    run: RunRecord, scenarios: Sequence[ScenarioRecord], found: Mapping[tuple[int, str], Came]
) -> tuple[FindingRun, ...]:
    """What came in one run, the most hits first."""
    tries = {scenario.scenario: scenario.tries for scenario in scenarios}
    rows = [
        _row(finding, run, one, sum(tries.get(name, 0) for name in one.scenarios))
        for (number, finding), one in found.items()
        if number == run.id
    ]
    return tuple(sorted(rows, key=lambda row: (-row.hits, row.finding)))


def of_finding(
    connection: sa.Connection, finding: str, runs: Mapping[int, RunRecord]
) -> tuple[FindingRun, ...]:
    """A finding in each of ``runs`` in which it came or could have come, in their order."""
    found = _came(connection, tables.occurrences.c.finding == finding)
    ever = sorted({name for one in found.values() for name in one.scenarios})
    table = tables.scenarios.c
    asked = (
        sa.select(table.run, sa.func.sum(table.tries).label("tries"))
        .where(table.scenario.in_(ever))
        .group_by(table.run)
    )
    tries = {row.run: int(row.tries) for row in connection.execute(asked)}
    here = {number: one for (number, _finding), one in found.items()}
    return tuple(
        _row(finding, run, here.get(number, Came(scenarios=set(ever))), tries.get(number, 0))
        for number, run in runs.items()
        if number in here or tries.get(number)
    )


def first_and_last(connection: sa.Connection) -> dict[str, Span]:
    """For every finding that a stream tells of, where it came first and last."""
    seen, runs = tables.occurrences.c, tables.runs.c
    asked = (
        sa.select(seen.finding, runs.name, sa.func.count().label("sightings"))
        .join(tables.runs, runs.id == seen.run)
        .group_by(seen.finding, runs.id, runs.name, runs.started)
        .order_by(runs.started, runs.id)
    )
    spans: dict[str, Span] = {}
    for row in connection.execute(asked):
        before = spans.get(row.finding)
        spans[row.finding] = Span(
            first=before.first if before else row.name,
            last=row.name,
            sightings=(before.sightings if before else 0) + row.sightings,
        )
    return spans


def _came(connection: sa.Connection, where: sa.ColumnElement[bool]) -> dict[tuple[int, str], Came]:
    """Iterations count once, however often they were sighted in; a repeating run's by worker as well."""
    seen = tables.occurrences.c
    iterations = (
        sa.select(
            seen.run, seen.finding, seen.scenario, seen.worker, seen.iteration, sa.func.count().label("n")
        )
        .where(where)
        .group_by(seen.run, seen.finding, seen.scenario, seen.worker, seen.iteration)
        .subquery()
    )
    asked = sa.select(
        iterations.c.run,
        iterations.c.finding,
        iterations.c.scenario,
        sa.func.count().label("hits"),
        sa.func.sum(iterations.c.n).label("sightings"),
    ).group_by(iterations.c.run, iterations.c.finding, iterations.c.scenario)
    found: dict[tuple[int, str], Came] = {}
    rows: Iterable[Any] = connection.execute(asked)
    for row in rows:
        one = found.setdefault((row.run, row.finding), Came())
        one.hits += row.hits
        one.sightings += int(row.sightings)
        one.scenarios.add(row.scenario)
    return found


def _row(finding: str, run: RunRecord, one: Came, tries: int) -> FindingRun:
    return FindingRun(
        finding=finding,
        run=run,
        scenarios=tuple(sorted(one.scenarios)),
        tries=tries,
        hits=one.hits,
        sightings=one.sightings,
    )
