"""Files that appear whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from soak.files import copy_bounded, write_whole


@pytest.mark.parametrize("sync", [True, False])
def test_replaces(tmp_path: Path, sync: bool) -> None:
    """A file is written anew, text with any letters or bytes, and nothing else stays in its folder."""
    path = tmp_path / "note.txt"
    write_whole(path, "old", sync=sync)
    write_whole(path, "nöw \udcff", sync=sync)
    assert path.read_text() == "nöw \\udcff"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk(tmp_path: Path) -> None:
    """When the disk takes no more, the old content stays, the error comes out, nothing is half-written."""
    path = tmp_path / "note.txt"
    path.write_text("old")
    program = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from soak.files import write_whole
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_whole(Path(sys.argv[1]), b"x" * 5000)
        except OSError as error:
            print(error.errno)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "27"  # EFBIG: what a limit says where a full disk says ENOSPC
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_small_copy_is_exact(tmp_path: Path) -> None:
    """A file within the bound is copied byte by byte."""
    source = tmp_path / "a"
    source.write_bytes(bytes(range(256)) * 4)
    copy_bounded(source, tmp_path / "b", limit=1024)
    assert (tmp_path / "b").read_bytes() == source.read_bytes()


def test_big_copy_keeps_head_and_tail(tmp_path: Path) -> None:
    """Of a bigger one head and tail stay, and the copy says what is missing."""
    source = tmp_path / "a"
    source.write_bytes(b"head" + b"." * 10_000 + b"tail")
    copy_bounded(source, tmp_path / "b", limit=1000)
    copied = (tmp_path / "b").read_bytes()
    assert copied.startswith(b"head")
    assert copied.endswith(b"tail")
    assert b"[\xe2\x80\xa6 9008 of 10008 bytes left out here \xe2\x80\xa6]" in copied
    assert len(copied) < 1100


def test_huge_sparse_file(tmp_path: Path) -> None:
    """A file of many gigabytes costs no more than its head and its tail."""
    source = tmp_path / "a"
    with source.open("wb") as file:
        file.truncate(50_000_000_000)
    copy_bounded(source, tmp_path / "b")
    assert (tmp_path / "b").stat().st_size < 1_000_200
