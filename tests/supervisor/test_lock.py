"""One run at a time in one folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from soak.supervisor.lock import LockHeldError, RunLock


def test_the_second_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    """The message names the process."""
    first, heard = RunLock(tmp_path), list[str]()
    first.acquire(wait=0.0, waiting=heard.append)
    with pytest.raises(LockHeldError, match=f"process {os.getpid()}"):
        RunLock(tmp_path).acquire(wait=0.0, waiting=heard.append)
    first.release()


def test_a_released_lock_is_free(tmp_path: Path) -> None:
    """Taking, releasing and taking again needs no waiting."""
    waited: list[str] = []
    for _ in range(2):
        lock = RunLock(tmp_path)
        lock.acquire(wait=0.0, waiting=waited.append)
        lock.release()
    assert not waited


def test_the_second_can_wait(tmp_path: Path) -> None:
    """With a wait, the second gets the lock when the first lets go, and says once that it waits."""
    first, second, heard = RunLock(tmp_path), RunLock(tmp_path), list[str]()
    first.acquire(wait=0.0, waiting=heard.append)

    def waiting(who: str) -> None:
        heard.append(who)
        first.release()

    second.acquire(wait=60.0, waiting=waiting)
    second.release()
    assert len(heard) == 1


def test_the_lock_of_a_dead_holder_is_free(tmp_path: Path) -> None:
    """The kernel releases it: no stale lock file stands in the way."""
    child = os.fork()
    if child == 0:
        held = 1
        with contextlib.suppress(Exception):
            RunLock(tmp_path).acquire(wait=0.0, waiting=lambda _who: None)
            held = 0
        os._exit(held)
    _, status = os.waitpid(child, 0)
    assert status == 0, "the child had the lock"
    lock = RunLock(tmp_path)
    lock.acquire(wait=0.0, waiting=lambda who: pytest.fail(f"waited for {who}"))
    lock.release()
