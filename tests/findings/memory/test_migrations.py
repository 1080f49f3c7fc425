"""Databases of every released schema come up to this version's, with all that was in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from soak.findings.memory import NewerSchemaError, open_memory, tables
from soak.findings.memory.database import Database, migrate, revision

#: What a database of each released schema held: the statements that filled it, in that schema's own words.
RELEASED = {
    "0001": (
        """INSERT INTO runs (id, name, started, seed, command, argv, seconds, minutes, count_each, jobs,
           verdict, reason, broken_lines, bytes) VALUES
           (1, '20260101-030000', 1000.5, '12345678901234567890', 'run',
           '["run", "storm"]', 60.0, 1.0, NULL, 2, 'findings', 'the budget is spent', 0, 4711)""",
        "INSERT INTO facts (run, name, value) VALUES (1, 'python', '3.12.1')",
        """INSERT INTO scenarios (run, scenario, iterations, tries, operations, accepted, refused, seconds,
           sometimes, unproven) VALUES (1, 'storm', 98, 100, 980, 392, 588, 6.0, '{"met": 3}', '[]')""",
        """INSERT INTO findings (id, kind, title, detail, parts, first_seen, last_seen) VALUES
           ('crash-12345678', 'crash', 'SIGSEGV in step', 'while stepping',
           '["crash", "SIGSEGV"]', 1001.0, 1002.0)""",
        """INSERT INTO occurrences (run, sighting, finding, scenario, worker, iteration, at, path) VALUES
           (1, 1, 'crash-12345678', 'storm', 1, 10, 1001.0, 'findings/crash-12345678/1')""",
        "INSERT INTO accepted (finding, because, at) VALUES ('crash-12345678', 'known upstream', 1000.0)",
        "INSERT INTO reproductions (finding, at, hits, tries) VALUES ('crash-12345678', 1003.0, 7, 20)",
    ),
}


def made(out: Path, url: str, schema: str) -> None:
    """A database as a version with ``schema`` left it."""
    database = Database(out, url)
    with database.writing() as connection:
        migrate(connection, schema)
        for statement in RELEASED[schema]:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    database.close()


def shape(out: Path, url: str) -> dict[str, object]:
    """Tables, columns, keys and indexes, as the database itself tells them."""
    database = Database(out, url)
    with database.reading() as connection:
        look = sa.inspect(connection)
        names = [name for name in look.get_table_names() if name != "alembic_version"]
        told: dict[str, object] = {
            name: (
                sorted(
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in look.get_columns(name)
                ),
                look.get_pk_constraint(name)["constrained_columns"],
                sorted(key["constrained_columns"] for key in look.get_foreign_keys(name)),
                sorted(
                    index["column_names"]
                    for index in look.get_indexes(name)
                    if not index.get("duplicates_constraint")
                ),
                sorted(key["column_names"] for key in look.get_unique_constraints(name)),
            )
            for name in names
        }
    database.close()
    return told


def test_every_released_schema_is_tested() -> None:
    """A new migration comes with what its predecessor's databases held."""
    versions = Path(tables.__file__).parent / "migrations" / "versions"
    numbers = sorted(path.name[1:5] for path in versions.glob("m[0-9]*.py"))
    assert list(RELEASED) == numbers
    assert numbers[-1] == tables.HEAD


@pytest.mark.parametrize("schema", RELEASED)
def test_a_database_of_a_released_schema_keeps_all_it_held(tmp_path: Path, url: str, schema: str) -> None:
    """Run, counters, finding, acceptance and measured rate are what they were; the file is sound."""
    made(tmp_path, url, schema)
    with open_memory(tmp_path, url) as memory:
        (night,) = memory.nights()
        (finding,) = memory.findings()
        (occurrence,) = memory.occurrences("crash-12345678")
        (measured,) = memory.reproductions("crash-12345678")
        assert memory.database.problem_with_integrity() == ""
    assert (night.run.seed, night.run.argv, night.run.jobs) == (12345678901234567890, ("run", "storm"), 2)
    assert (night.scenarios[0].tries, night.scenarios[0].sometimes) == (100, {"met": 3})
    assert night.environment == {"python": "3.12.1"}
    assert (finding.title, finding.parts, finding.last_seen) == (
        "SIGSEGV in step",
        ("crash", "SIGSEGV"),
        1002.0,
    )
    assert finding.acceptance is not None
    assert (finding.acceptance.because, finding.acceptance.hits) == ("known upstream", 1)
    assert (occurrence.path, occurrence.iteration) == ("findings/crash-12345678/1", 10)
    assert (measured.hits, measured.tries) == (7, 20)


@pytest.mark.parametrize("schema", RELEASED)
def test_migrations_end_at_the_tables_of_this_version(tmp_path: Path, url: str, schema: str) -> None:
    """From every schema, the database has just the columns and keys that the code believes in."""
    made(tmp_path, url, schema)
    with open_memory(tmp_path, url):
        pass
    migrated = shape(tmp_path, url)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    engine = sa.create_engine(f"sqlite:///{fresh / 'soak.db'}")
    if url:
        database = Database(tmp_path, url)
        with database.writing() as connection:
            tables.metadata.drop_all(connection)
            tables.metadata.create_all(connection)
        database.close()
        assert migrated == shape(tmp_path, url)
    else:
        tables.metadata.create_all(engine)
        assert migrated == shape(fresh, "")
    engine.dispose()


def test_a_database_of_a_later_version_is_left_as_it_is(tmp_path: Path, url: str) -> None:
    """What it is, what this version knows and what to do are said; not one row changes."""
    made(tmp_path, url, tables.HEAD)
    database = Database(tmp_path, url)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchemaError, match=f"its schema is 9999, this version knows {tables.HEAD}"):
        open_memory(tmp_path, url)
    with database.reading() as connection:
        assert revision(connection) == "9999"
        assert connection.exec_driver_sql("SELECT count(*) FROM occurrences").scalar() == 1
    database.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path, url: str) -> None:
    """A table is in its way: the schema is still none, and no table of ours is there."""
    database = Database(tmp_path, url)
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE reproductions (x INTEGER)")
    with pytest.raises(Exception, match="reproductions"):
        open_memory(tmp_path, url)
    with database.reading() as connection:
        assert sa.inspect(connection).get_table_names() == ["reproductions"]
    database.close()
