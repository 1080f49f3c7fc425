"""One database: where it is, how it is spoken to, and that its tables are those of this version."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from soak.findings.memory.problems import (
    MemoryLockedError,
    MemoryProblemError,
    NewerSchemaError,
    UnusableUrlError,
)
from soak.findings.memory.tables import HEAD

#: Somebody else who writes is waited for so long. An ingest of a night takes seconds.
WAIT_S = 15.0
_MIGRATIONS = Path(__file__).parent / "migrations"
#: Two machines that meet an old schema at once migrate it one after the other. Any number will do.
_MIGRATION_LOCK = 0x736F616B
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for a lock that was not granted in time


class Database:
    """``<out>/soak.db``, or the database that ``url`` names. Connects when it is first asked."""

    def __init__(self, out: Path, url: str = "", *, wait: float = WAIT_S) -> None:
        self._read_only = False
        self._wait = wait
        self._url = self._parse(url) if url else self._own(out)
        self.name = self._url.render_as_string(hide_password=True) if url else str(out / "soak.db")
        try:
            self._engine = sa.create_engine(self._url, connect_args=self._arguments())
        except ModuleNotFoundError as error:
            raise MemoryProblemError(
                f"{self.name} needs {error.name}: pip install 'soak-harness[postgres]'"
            ) from error
        if self._is_sqlite:
            sa.event.listen(self._engine, "connect", self._prepare)
            sa.event.listen(self._engine, "begin", _begin)

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one moment of the database.

        Raises:
            MemoryProblemError: it cannot be read.
        """
        with self._told(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection whose changes are all there afterwards, or none of them.

        Raises:
            MemoryLockedError: somebody else writes for too long.
            MemoryProblemError: it cannot be written.
        """
        with self._told(), self._engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def bring_up(self) -> None:
        """Make the tables, or bring those of an earlier version to this one's.

        Raises:
            NewerSchemaError: a later version of soak made them; they are left as they are.
            MemoryProblemError: it cannot be read or written.
        """
        with self.reading() as connection:
            if self._is_current(connection):
                return
        if self._read_only:
            raise MemoryProblemError(
                f"{self.name} is of an earlier version of soak and cannot be written; make it writable, or "
                "copy its folder and name the copy with --out"
            )
        with self.writing() as connection:
            if not self._is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            if not self._is_current(connection):  # somebody else may have been quicker
                migrate(connection)

    def problem_with_integrity(self) -> str:
        """What SQLite's own check finds wrong with the file, or ""; PostgreSQL looks after itself."""
        if not self._is_sqlite:
            return ""
        with self.reading() as connection:
            rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        words = [str(row) for row in rows if row != "ok"]
        return "; ".join([*words, *(f"{row[0]} row {row[1]} points at no {row[2]}" for row in broken)])

    # -- where it is -------------------------------------------------------------------------------------

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _parse(self, text: str) -> sa.URL:
        try:
            url = sa.make_url(text)
        except (exc.ArgumentError, ValueError):
            raise UnusableUrlError(
                f"expected the URL of a database, such as postgresql://user@host/soak or "
                f"sqlite:////folder/soak.db, got {text!r}"
            ) from None
        match url.drivername:
            case "sqlite" | "postgresql+psycopg":
                return url
            case "postgres" | "postgresql":
                return url.set(drivername="postgresql+psycopg")
            case other:
                raise UnusableUrlError(f"expected a sqlite or postgresql URL, got one of {other!r}")

    def _own(self, out: Path) -> sa.URL:
        path = out / "soak.db"
        self._read_only = not os.access(path if path.exists() else out, os.W_OK) or not os.access(
            out, os.W_OK
        )
        if not self._read_only:
            return sa.URL.create("sqlite", database=str(path))
        if not path.exists():
            raise MemoryProblemError(f"there is no {path} yet, and {out} cannot be written")
        query = {"mode": "ro", "immutable": "1", "uri": "true"}
        return sa.URL.create("sqlite", database=f"file:{path.resolve()}", query=query)

    def _arguments(self) -> dict[str, Any]:
        if self._is_sqlite:
            return {"timeout": self._wait}
        milliseconds = int(self._wait * 1000)
        return {"connect_timeout": max(2, int(self._wait)), "options": f"-c lock_timeout={milliseconds}"}

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        # Python's own idea of when a transaction begins would leave the migrations outside of one.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")
        if not self._read_only:
            connection.execute("PRAGMA journal_mode=WAL")

    # -- how it is ---------------------------------------------------------------------------------------

    def _is_current(self, connection: sa.Connection) -> bool:
        found = revision(connection)
        if found is not None and found > HEAD:
            raise NewerSchemaError(
                f"{self.name} was made by a later version of soak (its schema is {found}, this version knows "
                f"{HEAD}); install that version, or name another place (--out, --db)"
            )
        return found == HEAD

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """The database's errors as ours, in words."""
        try:
            yield
        except exc.DBAPIError as error:
            words = " ".join(str(error.orig).split())
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            locked = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if locked or getattr(error.orig, "sqlstate", "") == _LOCK_NOT_AVAILABLE:
                raise MemoryLockedError(
                    f"{self.name} is locked: another process, maybe on another host, has been writing "
                    f"into it for {self._wait:g} s; try again when it has ended"
                ) from error
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise MemoryProblemError(
                    f"{self.name} is damaged ({words}); move it away: the next command makes a new one of "
                    "the streams in runs/. What was accepted must be accepted again"
                ) from error
            raise MemoryProblemError(f"{self.name} cannot be used: {words}") from error


def revision(connection: sa.Connection) -> str | None:
    """The migration that the database has come to; None for one without tables."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def migrate(connection: sa.Connection, to: str = "head") -> None:
    """Run the migrations up to ``to``, in the transaction that ``connection`` is in."""
    from alembic import command  # 0.2 s, and only where the schema is not this version's
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes then fails where another writer came between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
