"""A PostgreSQL server of the tests' own: a data folder and a socket in a temporary folder, nobody's root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

#: Making and starting a server takes two seconds, on a busy machine far more.
_LIMIT_S = 120.0


def binaries() -> Path | None:
    """The folder of the server's programs, or None where PostgreSQL is not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(debian[-1]) if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start one, and hand out the beginning of its URLs; skipped by name where it cannot be had."""
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    as_user = _as_another_user()
    # The path of a Unix socket may have 107 characters; pytest's folders are deeper.
    with tempfile.TemporaryDirectory(prefix="soak-pg-") as name:
        folder = Path(name)
        if as_user is not None:
            os.chown(folder, as_user.pw_uid, as_user.pw_gid)
        data = folder / "data"
        _call(
            as_user, folder, programs / "initdb", "-D", data, "-U", "soak", "-A", "trust", "-E", "UTF8", "-N"
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        control = (programs / "pg_ctl", "-D", data, "-w", "-t", "100")
        _call(as_user, folder, *control, "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://soak@/{{name}}?host={quote(str(folder), safe='')}"
        finally:
            _call(as_user, folder, *control, "-m", "immediate", "stop")


def _as_another_user() -> pwd.struct_passwd | None:
    """Whom to run it as: the server refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _call(as_user: pwd.struct_passwd | None, folder: Path, *words: str | Path) -> None:
    prefix = []
    if as_user is not None:
        ids = (f"--reuid={as_user.pw_uid}", f"--regid={as_user.pw_gid}", "--clear-groups")
        prefix = ["setpriv", *ids, "--"]
    with (folder / "said").open("wb") as said:
        done = subprocess.run(
            [*prefix, *map(str, words)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            timeout=_LIMIT_S,
            check=False,
        )
    assert done.returncode == 0, f"{words[0]}: {(folder / 'said').read_text(errors='replace')}"
