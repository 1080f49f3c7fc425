"""A PostgreSQL server for all tests of this folder, and an empty database on each kind of server for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.findings.memory.postgres import server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URLs of a running server; ``{name}`` in it stands for a database."""
    with server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """An empty database."""
    name = f"soak{next(_numbers)}"
    driver = sa.make_url(postgres.format(name="postgres")).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(driver, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return postgres.format(name=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database of either kind; "" is SQLite in ``--out``."""
    found: str = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return found
