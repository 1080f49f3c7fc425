"""Files that appear whole or not at all, and copies of a bounded size. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from pathlib import Path

_serial = itertools.count()


def beside(path: Path) -> Path:
    """A name next to ``path`` that no other process or call uses: hidden, and it names its process."""
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_serial)}.tmp")


def write_whole(path: Path, content: bytes | str, *, sync: bool = True) -> None:
    """Write ``path`` so that a reader, or a crash, sees the old content or the new, never a part.

    ``sync`` makes it outlive a power cut too, for some milliseconds.

    Raises:
        OSError: the disk is full or cannot be written; nothing half-written stays behind.
    """
    raw = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    temporary = beside(path)
    try:
        with temporary.open("wb") as file:
            file.write(raw)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def digest(path: Path) -> str:
    """Twelve hexadecimal digits that name the file's content; "" where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return ""


def project_of(cwd: Path) -> Path:
    """The top of the project that ``cwd`` is in: it has a ``.git``; itself without one."""
    return next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)


def copy_bounded(source: Path, target: Path, limit: int = 1_000_000, *, sync: bool = True) -> None:
    """Copy ``source`` to ``target``; of a file above ``limit`` bytes only its head and its tail.

    Raises:
        OSError: either cannot be read or written; no half-written ``target`` stays behind.
    """
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= limit:
            content = file.read(limit)
        else:
            half = limit // 2
            head = file.read(half)
            file.seek(-half, os.SEEK_END)
            mark = f"\n[… {size - 2 * half} of {size} bytes left out here …]\n".encode()
            content = head + mark + file.read(half)
    write_whole(target, content, sync=sync)
