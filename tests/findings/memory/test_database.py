"""What can be wrong with a database is said in words, and nothing in it changes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from soak.findings.memory import (
    MemoryLockedError,
    MemoryProblemError,
    UnusableUrlError,
    open_memory,
)
from soak.findings.memory.memory import Memory
from tests.findings.memory.nights import night, write


def test_sqlite_writes_ahead(tmp_path: Path) -> None:
    """Readers come at any time, while somebody writes."""
    with open_memory(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "soak.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_database_that_another_process_writes_into_is_locked(tmp_path: Path) -> None:
    """Who waits hears so, after the time it was given; what it would have written comes with the next try."""
    write(tmp_path, night(hits=(5,)))
    with open_memory(tmp_path):
        pass
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()",
            str(tmp_path / "soak.db"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with Memory(tmp_path, wait=0.1) as memory:
            with pytest.raises(MemoryLockedError, match="is locked: another process"):
                memory.ingest()
            assert memory.runs() == ()  # a reader is not kept out
            holder.stdin.close()
            holder.wait()
            assert memory.ingest().runs == ("20261120-030000",)


def test_a_postgresql_that_another_host_writes_into_is_locked(tmp_path: Path, postgres_url: str) -> None:
    write(tmp_path, night(hits=(5,)))
    with Memory(tmp_path, postgres_url) as other, Memory(tmp_path, postgres_url, wait=0.1) as memory:
        with other.database.writing() as connection:
            connection.exec_driver_sql("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(MemoryLockedError, match="maybe on another host"):
                memory.ingest()
        assert memory.ingest().runs == ("20261120-030000",)


@pytest.mark.parametrize("content", [b"this is no database, " * 100, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """It may hold what somebody accepted: soak says so, and does not write over it."""
    path = tmp_path / "soak.db"
    path.write_bytes(content)
    with pytest.raises(MemoryProblemError, match="is damaged"):
        open_memory(tmp_path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("url", ["nonsense", "postgresql://user@host:port/soak", "mysql://host/soak", "://"])
def test_an_unusable_url_is_told_with_what_was_expected(tmp_path: Path, url: str) -> None:
    with pytest.raises(UnusableUrlError, match=r"expected .*postgresql"):
        open_memory(tmp_path, url)


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    """Port 9 of this machine: nobody listens."""
    with pytest.raises(MemoryProblemError, match="cannot be used") as caught:
        open_memory(tmp_path, "postgresql://soak:secret@127.0.0.1:9/soak")
    assert "secret" not in str(caught.value)


def test_a_missing_driver_is_told_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MemoryProblemError, match=r"pip install 'soak-harness\[postgres\]'"):
        open_memory(tmp_path, "postgresql://soak@127.0.0.1:9/soak")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MemoryProblemError, match="cannot be written"):
        open_memory(tmp_path / "nowhere")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_memory_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    """A report on somebody else's folder, or on a read-only mount."""
    write(tmp_path, night())
    with open_memory(tmp_path) as memory:
        memory.ingest()
    (tmp_path / "soak.db").chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with open_memory(tmp_path) as memory:
            assert len(memory.runs()) == 1
    finally:
        tmp_path.chmod(0o755)
