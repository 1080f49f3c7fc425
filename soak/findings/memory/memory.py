"""The memory itself: what was, what somebody said of it, and what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from soak.events import Kind, Verdict
from soak.findings.finding import Reproduction
from soak.findings.memory import history, tables
from soak.findings.memory.database import WAIT_S, Database
from soak.findings.memory.ingest import ingest, record_reproduction, upsert
from soak.findings.memory.intake import clean
from soak.findings.memory.records import (
    Acceptance,
    FindingRecord,
    FindingRun,
    Ingested,
    Night,
    OccurrenceRecord,
    RunRecord,
    ScenarioRecord,
)

#: The command whose runs are nights; others try single findings.
_NIGHTLY = "run"


class Memory:
    """All runs of ``out``; with ``url``, of everybody who shares that database. A context manager.

    Every method may raise :class:`MemoryProblemError`, in words that say what to do.
    """

    def __init__(self, out: Path, url: str = "", *, wait: float = WAIT_S) -> None:
        """``wait`` is how many seconds somebody else who writes is waited for."""
        self._out = out
        self.database = Database(out, url, wait=wait)
        try:
            self.database.bring_up()
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what was ----------------------------------------------------------------------------------------

    def ingest(self) -> Ingested:
        """Take in what the streams below ``out`` have and the database has not. Its lock must be held."""
        return ingest(self.database, self._out)

    def runs(self, *, command: str = "") -> tuple[RunRecord, ...]:
        """All runs, or those of one command, oldest first."""
        with self.database.reading() as connection:
            return tuple(_runs(connection, command).values())

    def nights(self, *, last: int | None = None) -> tuple[Night, ...]:
        """The last ``last`` runs of ``soak run``, or all, oldest first."""
        with self.database.reading() as connection:
            records = list(_runs(connection, _NIGHTLY).values())
            records = records[max(0, len(records) - last) :] if last is not None else records
            done = {record.id: _scenarios(connection, record.id) for record in records}
            came = history.came(connection, [record.id for record in records])
            facts = {record.id: _facts(connection, record.id) for record in records}
        return tuple(
            Night(
                run=record,
                scenarios=done[record.id],
                findings=history.night(record, done[record.id], came),
                environment=facts[record.id],
            )
            for record in records
        )

    def environment(self, run: int) -> dict[str, str]:
        """The facts of the run with this number."""
        with self.database.reading() as connection:
            return _facts(connection, run)

    def findings(self) -> tuple[FindingRecord, ...]:
        """All findings, the one seen last first."""
        with self.database.reading() as connection:
            rows = connection.execute(sa.select(tables.findings)).all()
            seen = history.first_and_last(connection)
            accepted = {one.finding: one for one in _acceptances(connection)}
        records = [
            FindingRecord(
                id=row.id,
                kind=Kind(row.kind),
                title=row.title,
                detail=row.detail,
                parts=tuple(row.parts),
                first_seen=row.first_seen,
                last_seen=row.last_seen,
                first_run=seen[row.id].first if row.id in seen else "",
                last_run=seen[row.id].last if row.id in seen else "",
                sightings=seen[row.id].sightings if row.id in seen else 0,
                acceptance=accepted.get(row.id),
            )
            for row in rows
        ]
        return tuple(sorted(records, key=lambda record: (-record.last_seen, record.id)))

    def finding_history(self, finding: str, *, command: str = _NIGHTLY) -> tuple[FindingRun, ...]:
        """One finding over the runs in which it came or could have come, oldest first; "" for every command.

        It could have come where a scenario ran in which it ever came.
        """
        with self.database.reading() as connection:
            return history.of_finding(connection, finding, _runs(connection, command))

    def occurrences(self, finding: str, *, last: int | None = None) -> tuple[OccurrenceRecord, ...]:
        """The ``last`` sightings of a finding, or all, oldest first."""
        seen, runs = tables.occurrences.c, tables.runs.c
        asked = (
            sa.select(tables.occurrences, runs.name)
            .join(tables.runs, runs.id == seen.run)
            .where(seen.finding == finding)
            .order_by(seen.at.desc(), seen.run.desc(), seen.sighting.desc())
            .limit(last)
        )
        with self.database.reading() as connection:
            rows = connection.execute(asked).all()
        return tuple(
            OccurrenceRecord(
                finding=row.finding,
                run=row.name,
                sighting=row.sighting,
                scenario=row.scenario,
                worker=row.worker,
                iteration=row.iteration,
                t=row.at,
                path=row.path,
            )
            for row in reversed(rows)
        )

    def reproductions(self, finding: str) -> tuple[Reproduction, ...]:
        """The measured rates of a finding's reproducer, oldest first."""
        table = tables.reproductions
        asked = sa.select(table).where(table.c.finding == finding).order_by(table.c.at)
        with self.database.reading() as connection:
            rows = connection.execute(asked).all()
        return tuple(Reproduction(t=row.at, hits=row.hits, tries=row.tries) for row in rows)

    def acceptances(self) -> tuple[Acceptance, ...]:
        """What was accepted, the newest first."""
        with self.database.reading() as connection:
            return tuple(sorted(_acceptances(connection), key=lambda one: -one.when))

    # -- what somebody says ------------------------------------------------------------------------------

    def accept(self, finding: str, *, because: str, when: float) -> None:
        """Live with a finding, for a reason; a second time replaces reason and time."""
        row = {"finding": clean(finding), "because": clean(because), "at": when}
        with self.database.writing() as connection:
            upsert(connection, tables.accepted, [row], update=("because", "at"))

    def unaccept(self, finding: str) -> bool:
        """Live with it no more; False where it was not accepted."""
        with self.database.writing() as connection:
            gone = connection.execute(sa.delete(tables.accepted).where(tables.accepted.c.finding == finding))
            return gone.rowcount > 0

    def record_reproduction(self, finding: str, measured: Reproduction) -> None:
        """Note how often a finding's reproducer brought it back."""
        with self.database.writing() as connection:
            record_reproduction(connection, finding, measured)


def _runs(connection: sa.Connection, command: str) -> dict[int, RunRecord]:
    runs = tables.runs
    asked = sa.select(runs).order_by(runs.c.started, runs.c.id)
    if command:
        asked = asked.where(runs.c.command == command)
    return {row.id: _run(row) for row in connection.execute(asked)}


def _run(row: Any) -> RunRecord:
    return RunRecord(
        id=row.id,
        name=row.name,
        command=row.command,
        argv=tuple(row.argv),
        seed=int(row.seed or 0),
        started=row.started,
        seconds=row.seconds,
        minutes=row.minutes,
        count=row.count_each,
        jobs=row.jobs,
        verdict=Verdict(row.verdict) if row.verdict else None,
        reason=row.reason,
        broken_lines=row.broken_lines,
    )


def _scenarios(connection: sa.Connection, run: int) -> tuple[ScenarioRecord, ...]:
    table = tables.scenarios
    rows = connection.execute(sa.select(table).where(table.c.run == run).order_by(table.c.scenario))
    return tuple(
        ScenarioRecord(
            scenario=row.scenario,
            iterations=row.iterations,
            tries=row.tries,
            operations=row.operations,
            accepted=row.accepted,
            refused=row.refused,
            seconds=row.seconds,
            sometimes=dict(row.sometimes),
            unproven=tuple(row.unproven),
        )
        for row in rows
    )


def _facts(connection: sa.Connection, run: int) -> dict[str, str]:
    table = tables.facts
    rows: Iterable[Any] = connection.execute(
        sa.select(table).where(table.c.run == run).order_by(table.c.name)
    )
    return {row.name: row.value for row in rows}


def _acceptances(connection: sa.Connection) -> list[Acceptance]:
    accepted, seen = tables.accepted.c, tables.occurrences.c
    asked = (
        sa.select(
            accepted.finding,
            accepted.because,
            accepted.at,
            sa.func.count(seen.sighting).label("hits"),
            sa.func.max(seen.at).label("last"),
        )
        .outerjoin(tables.occurrences, sa.and_(seen.finding == accepted.finding, seen.at > accepted.at))
        .group_by(accepted.finding, accepted.because, accepted.at)
    )
    return [
        Acceptance(finding=row.finding, because=row.because, when=row.at, hits=row.hits, last_hit=row.last)
        for row in connection.execute(asked)
    ]
