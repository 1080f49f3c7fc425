"""A PostgreSQL server for all tests of this folder, and an empty memory on each kind of server for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from soak.findings.memory import open_memory, tables
from soak.findings.memory.database import Database
from tests.findings.memory.postgres import server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URLs of a running server; ``{name}`` in it stands for a database."""
    with server() as url:
        yield url


@pytest.fixture(scope="session")
def migrated(postgres: str) -> str:
    """A database that has this version's tables."""
    url = _make(postgres)
    with open_memory(Path(), url):
        pass
    return url


@pytest.fixture
def postgres_url(migrated: str) -> str:
    """A database with this version's tables, and nothing in them: making one for each test takes longer."""
    database = Database(Path(), migrated)
    with database.writing() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(sa.delete(table))
    database.close()
    return migrated


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty memory of either kind; "" is SQLite in ``--out``."""
    found: str = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest) -> str:
    """A database of either kind without a table."""
    return "" if request.param == "sqlite" else _make(request.getfixturevalue("postgres"))


def _make(postgres: str) -> str:
    name = f"soak{next(_numbers)}"
    driver = sa.make_url(postgres.format(name="postgres")).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(driver, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return postgres.format(name=name)
