"""Streams and the files store into the database, so that doing it twice is doing it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from soak.findings.finding import Finding, Reproduction
from soak.findings.memory import tables
from soak.findings.memory.database import Database
from soak.findings.memory.intake import Identity, Intake, Row, clean, identity, intake_of
from soak.findings.memory.records import Ingested
from soak.findings.store import Store


@dataclass(frozen=True, slots=True)
class Known:
    """A run that the database has: its number, and how many bytes of its stream were taken in."""

    run: int
    size: int


def ingest(database: Database, out: Path) -> Ingested:
    """Take in every stream below ``out`` that is new or has grown, and what only the files store knows.

    Each run is one transaction: it is there as a whole, or as it was.

    Raises:
        MemoryProblemError: the database cannot be written.
    """
    taken, broken, unreadable = [], 0, []
    for stream in sorted((out / "runs").glob("*/events.jsonl")):
        try:
            lines = _ingest_run(database, stream)
        except OSError as error:
            unreadable.append(f"{stream}: {error.strerror}")
            continue
        if lines is not None:
            taken.append(stream.parent.name)
            broken += lines
    _ingest_store(database, Store(out).all())
    return Ingested(runs=tuple(taken), broken_lines=broken, unreadable=tuple(unreadable))


def record_reproduction(connection: sa.Connection, finding: str, measured: Reproduction) -> None:
    """Note one measurement; the same one a second time changes nothing."""
    row = {"finding": clean(finding), "at": measured.t, "hits": measured.hits, "tries": measured.tries}
    upsert(connection, tables.reproductions, [row], update=())


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row], *, update: Sequence[str]) -> None:
    """Insert ``rows``, or update these columns of those whose primary key is there already."""
    if not rows:
        return
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table)
    keys = list(table.primary_key.columns)
    if update:
        new = {name: statement.excluded[name] for name in update}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=new)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, list(rows))


def _ingest_run(database: Database, stream: Path) -> int | None:
    """How many broken lines a stream has that was taken in now; None where it was known to its end."""
    known_as, size = identity(stream), stream.stat().st_size
    with database.reading() as connection:
        known = _known(connection, known_as)
        if known is not None and known.size == size:
            return None
    with database.writing() as connection:
        run = _make_room(connection, known_as)
        for intake in intake_of(stream):
            _put_occurrences(connection, run, intake)
        _put_occurrences(connection, run, intake, all_of_them=True)
        connection.execute(
            sa.update(tables.runs).where(tables.runs.c.id == run).values(**intake.run(), bytes=size)
        )
        for table, rows in ((tables.facts, intake.facts()), (tables.scenarios, intake.scenarios())):
            if rows:
                connection.execute(sa.insert(table), [{"run": run, **row} for row in rows])
    return intake.broken_lines


def _known(connection: sa.Connection, known_as: Identity) -> Known | None:
    runs = tables.runs.c
    asked = sa.select(runs.id, runs.bytes).where(runs.name == known_as.name)
    if known_as.seed:
        asked = asked.where(runs.started == known_as.started, runs.seed == known_as.seed)
    found = connection.execute(asked).all()
    # A stream whose first line broke lately goes by its name, where that says enough.
    return Known(run=found[0].id, size=found[0].bytes) if len(found) == 1 else None


def _make_room(connection: sa.Connection, known_as: Identity) -> int:
    """The number of the run's row, all that hangs on it taken away."""
    known = _known(connection, known_as)
    if known is not None:
        for table in (tables.facts, tables.scenarios, tables.occurrences):
            connection.execute(sa.delete(table).where(table.c.run == known.run))
        return known.run
    row = {"name": known_as.name, "started": known_as.started, "seed": known_as.seed, "bytes": 0}
    made = connection.execute(sa.insert(tables.runs).values(**row, **Intake().run()))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def _put_occurrences(
    connection: sa.Connection, run: int, intake: Intake, *, all_of_them: bool = False
) -> None:
    rows = intake.take_occurrences(all_of_them=all_of_them)
    if rows:
        _put_findings(connection, list(intake.findings.values()))
        connection.execute(sa.insert(tables.occurrences), [{"run": run, **row} for row in rows])


def _put_findings(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Findings, each with the times of all who saw it, and the words of who saw it first and last."""
    table = tables.findings
    known = {
        row.id: row
        for row in connection.execute(
            sa.select(table.c.id, table.c.title, table.c.detail, table.c.first_seen, table.c.last_seen).where(
                table.c.id.in_([row["id"] for row in rows])
            )
        )
    }
    merged = []
    for row in rows:
        if (old := known.get(row["id"])) is not None:
            later = row["last_seen"] >= old.last_seen
            row = row | {
                "title": old.title,
                "detail": row["detail"] if later else old.detail,
                "first_seen": min(row["first_seen"], old.first_seen),
                "last_seen": max(row["last_seen"], old.last_seen),
            }
        merged.append(row)
    upsert(connection, table, merged, update=[column.name for column in table.c if column.name != "id"])


def _ingest_store(database: Database, findings: Sequence[Finding]) -> None:
    """Findings whose runs' folders are gone, and the rates that were measured, are known to the files."""
    table = tables.findings.c
    with database.reading() as connection:
        seen = {row.id: row.last_seen for row in connection.execute(sa.select(table.id, table.last_seen))}
        repro = tables.reproductions.c
        measured = {(row.finding, row.at) for row in connection.execute(sa.select(repro.finding, repro.at))}
    rows = [_row_of(finding) for finding in findings if finding.id not in seen]
    missing = [
        (finding.id, one)
        for finding in findings
        for one in finding.reproductions
        if (finding.id, one.t) not in measured
    ]
    if not rows and not missing:
        return
    with database.writing() as connection:
        _put_findings(connection, rows)
        for name, one in missing:
            record_reproduction(connection, name, one)


def _row_of(finding: Finding) -> Row:
    return {
        "id": clean(finding.id),
        "kind": finding.kind.value,
        "title": clean(finding.title),
        "detail": clean(finding.detail),
        "parts": [clean(part) for part in finding.parts],
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
    }
