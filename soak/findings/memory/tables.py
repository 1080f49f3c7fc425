"""The memory's tables, as this version of soak knows them. What changes here needs a migration.

A row of ``runs`` is known by what its stream began with: name, time and seed stay the same when the folder is
moved, and differ between two machines that share a database.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

#: The newest migration: a database that has it is as these tables say.
HEAD = "0001"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _of_run() -> Column[int]:
    return Column("run", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("started", Double, nullable=False),
    # A seed may have any number of digits.
    Column("seed", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("argv", JSON, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("minutes", Double),
    Column("count_each", BigInteger),
    Column("jobs", Integer, nullable=False),
    Column("verdict", Text),
    Column("reason", Text, nullable=False),
    Column("broken_lines", Integer, nullable=False),
    # How long the stream was when it was taken in: one that has grown is taken in again.
    Column("bytes", BigInteger, nullable=False),
    UniqueConstraint("name", "started", "seed"),
)

facts = Table(
    "facts",
    metadata,
    _of_run(),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

scenarios = Table(
    "scenarios",
    metadata,
    _of_run(),
    Column("scenario", Text, primary_key=True),
    Column("iterations", BigInteger, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("operations", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("sometimes", JSON, nullable=False),
    Column("unproven", JSON, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("first_seen", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
)

occurrences = Table(
    "occurrences",
    metadata,
    _of_run(),
    Column("sighting", Integer, primary_key=True),
    Column("finding", Text, ForeignKey("findings.id"), nullable=False),
    Column("scenario", Text, nullable=False),
    Column("worker", Integer, nullable=False),
    Column("iteration", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("path", Text, nullable=False),
    Index(None, "finding", "run"),
)

accepted = Table(
    "accepted",
    metadata,
    Column("finding", Text, primary_key=True),
    Column("because", Text, nullable=False),
    Column("at", Double, nullable=False),
)

reproductions = Table(
    "reproductions",
    metadata,
    Column("finding", Text, primary_key=True),
    Column("at", Double, primary_key=True),
    Column("hits", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
)
