"""The journal: whole records in one order, from many processes."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from soak.targets.journal import Journal


@pytest.fixture
def journal() -> Iterator[Journal]:
    journal = Journal()
    yield journal
    journal.close()


def test_records_of_many_processes_are_whole_and_in_each_ones_order(journal: Journal) -> None:
    """Four children tell at once; nothing is mixed, and each one's records come as it told them."""
    pids = []
    for child in range(4):
        pid = os.fork()
        if pid == 0:
            for number in range(200):
                journal.tell(child, number, "x" * 100)
            os._exit(0)
        pids.append(pid)
    while pids:
        journal.read()  # makes room, so that nobody waits for ever
        pids = [pid for pid in pids if os.waitpid(pid, os.WNOHANG)[0] == 0]
    records = journal.read()
    assert len(records) == 800
    for child in range(4):
        assert [number for who, number, _ in records if who == child] == list(range(200))


def test_reading_again_begins_at_the_beginning(journal: Journal) -> None:
    """What has been read is kept, and what is told later comes after it."""
    journal.tell("a", 1)
    assert journal.read() == [("a", 1)]
    journal.tell("b", None)
    assert journal.read() == journal.read() == [("a", 1), ("b", None)]


def test_a_record_that_could_be_torn_is_refused(journal: Journal) -> None:
    """Longer than the kernel writes at once is a mistake, told at once."""
    with pytest.raises(ValueError, match="at most"):
        journal.tell("x" * select.PIPE_BUF)
    assert journal.read() == []
