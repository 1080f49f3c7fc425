"""The flight file, between threads and between processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from soak import flight
from soak.events import Phase
from soak.flight import DONE, LABELS, MAIN, REFUSED, RING, SCENARIO, SIZE, Flight, FlightReader, Slot


class Clock:
    """A monotonic clock that goes on by a millisecond with every look."""

    def __init__(self) -> None:
        self.now = 5_000_000_000

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "flight"
    flight.create(made)
    return made


@pytest.fixture
def reader(path: Path) -> Iterator[FlightReader]:
    opened = FlightReader(path)
    yield opened
    opened.close()


def test_what_is_written_is_read(path: Path, reader: FlightReader) -> None:
    """A thread's slot tells its name, what it is in, since when, its counts and its last operations."""
    writer = Flight(path, Clock())
    writer.enter_phase(Phase.OPERATIONS, 10.0)
    slot = writer.slot(0, "mutate-0", SCENARIO)
    slot.enter(writer.label("add_object"))
    slot.leave(REFUSED)
    slot.count(refused=True)
    slot.enter(writer.label("set_gravity"))
    slot.beat()
    slot.mark(1)
    snapshot = reader.snapshot(rings=True, marks=2)
    (thread,) = snapshot.threads
    assert (snapshot.phase, snapshot.phase_limit) == (Phase.OPERATIONS, 10.0)
    assert (snapshot.operations, snapshot.accepted, snapshot.refused) == (1, 0, 1)
    assert snapshot.marks == (0, 1)
    assert (thread.name, thread.doing, thread.beats) == ("mutate-0", "set_gravity", 1)
    assert thread.native_id == threading.get_native_id()
    assert (thread.kind, thread.ident) == (SCENARIO, threading.get_ident())
    assert thread.beat_at > thread.since > 0
    (entry,) = thread.ring
    assert (entry.label, entry.outcome, entry.seconds) == ("add_object", "refused", 0.001)


def test_nested_operations(path: Path, reader: FlightReader) -> None:
    """When the inner operation ends, the thread is in the outer one again."""
    writer = Flight(path, Clock())
    slot = writer.slot(0, "mutate-0", SCENARIO)
    slot.enter(writer.label("outer"))
    slot.enter(writer.label("inner"))
    slot.leave(DONE)
    assert reader.snapshot().threads[0].doing == "outer"
    slot.leave(DONE)
    assert reader.snapshot().threads[0].doing == ""


def test_ring_wraps(path: Path, reader: FlightReader) -> None:
    """The ring keeps the newest operations in order, and the head counts all of them."""
    writer = Flight(path, Clock())
    slot = writer.slot(0, "mutate-0", SCENARIO)
    for number in range(RING + 10):
        slot.enter(writer.label(f"op {number}"))
        slot.leave()
    thread = reader.snapshot(rings=True).threads[0]
    assert thread.head == RING + 10
    assert [entry.label for entry in thread.ring] == [f"op {number}" for number in range(10, RING + 10)]
    assert [entry.began for entry in thread.ring] == sorted(entry.began for entry in thread.ring)


def test_labels_overflow(path: Path, reader: FlightReader) -> None:
    """More texts than the table has room for share its last entry; the earlier ones stay."""
    writer = Flight(path, Clock())
    slot = writer.slot(0, "mutate-0", SCENARIO)
    first = writer.label("first")
    for number in range(LABELS + 50):
        last = writer.label(f"text {number}")
    assert last == LABELS - 1
    slot.enter(last)
    assert reader.snapshot().threads[0].doing == "(other)"
    slot.enter(first)
    assert reader.snapshot().threads[0].doing == "first"


def test_processes_that_share_the_file_do_not_mix_their_labels(path: Path, reader: FlightReader) -> None:
    """Each takes new labels from a region of its own, and a successor knows those of its region."""
    worker, first, second = (Flight(path, Clock()) for _ in range(3))
    known = worker.label("known")
    for part, writer in enumerate((worker, first, second)):
        writer.share(part, 2)
    numbers = {writer.label(f"text {number}") for writer in (worker, first, second) for number in range(300)}
    assert known not in numbers
    assert len(numbers) == 300 + 2 * ((LABELS - 1 - flight.OWN_LABELS) // 2 - 1) + 1
    successor = Flight(path, Clock())
    successor.share(1, 2)
    assert successor.label("text 7") == first.label("text 7") != second.label("text 7")
    slot = second.slot(3, "work-p1", SCENARIO)
    slot.enter(second.label("text 9"))
    assert reader.snapshot().threads[0].doing == "text 9"


def test_a_vacated_slot_does_nothing_and_keeps_its_counts(path: Path, reader: FlightReader) -> None:
    """What a killed process was in is over; what it did stays counted."""
    writer = Flight(path, Clock())
    slot = writer.slot(1, "work-p0", SCENARIO)
    slot.count(refused=False)
    slot.enter(writer.label("work"))
    for index in (1, flight.SLOTS):
        writer.vacate(index)
    snapshot = reader.snapshot()
    assert (snapshot.threads[0].doing, snapshot.operations) == ("", 1)


def test_long_and_odd_texts(path: Path, reader: FlightReader) -> None:
    """A text longer than its place is cut, even within a character, and still reads."""
    writer = Flight(path, Clock())
    slot = writer.slot(0, "ä" * 100, SCENARIO)
    slot.enter(writer.label("é" * 200))
    thread = reader.snapshot().threads[0]
    assert thread.name.startswith("ä" * 20)
    assert thread.doing.startswith("é" * 30)


def test_threads_lose_no_count(path: Path, reader: FlightReader) -> None:
    """Eight threads that count at once lose nothing, neither for the reader nor for the writer."""
    writer = Flight(path)
    label, each = writer.label("tick"), 3000

    def work(index: int) -> None:
        slot = writer.slot(index, f"t-{index}", SCENARIO)
        for number in range(each):
            slot.enter(label)
            slot.leave()
            slot.count(refused=bool(number % 3))
            slot.mark(0)

    _together([lambda index=index: work(index) for index in range(8)])  # type: ignore[misc]
    snapshot = reader.snapshot(marks=1)
    assert snapshot.operations == 8 * each
    assert snapshot.accepted + snapshot.refused == 8 * each
    assert snapshot.marks == (8 * each,)
    assert writer.totals() == (snapshot.operations, snapshot.accepted, snapshot.refused)
    assert writer.marks(1) == [8 * each]


def test_threads_share_labels(path: Path) -> None:
    """Threads that name the same texts at once agree on their numbers."""
    writer = Flight(path)
    seen: list[list[int]] = []

    def work() -> None:
        seen.append([writer.label(f"op {number}") for number in range(200)])

    _together([work] * 8)
    assert all(numbers == seen[0] for numbers in seen)
    assert len(set(seen[0])) == 200


def test_killed_writer(path: Path, reader: FlightReader) -> None:
    """After SIGKILL the file tells what the writer did, to the last operation."""
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from soak.events import Phase
        from soak.flight import MAIN, Flight
        writer = Flight(Path(sys.argv[1]))
        writer.enter_phase(Phase.OPERATIONS, 10.0)
        slot = writer.slot(0, "main", MAIN)
        for _ in range(1000):
            slot.enter(writer.label("step"))
            slot.leave()
            slot.count(refused=False)
        slot.enter(writer.label("the last thing"))
        print("ready", flush=True)
        sys.stdin.read()
        """
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    snapshot = reader.snapshot(rings=True)
    assert snapshot.operations == 1000
    (thread,) = snapshot.threads
    assert (thread.name, thread.kind, thread.doing) == ("main", MAIN, "the last thing")
    assert thread.head == 1000


def test_reader_asks_writer_to_stop(path: Path, reader: FlightReader) -> None:
    """The one word that the reader writes reaches the writer."""
    writer = Flight(path)
    assert not writer.stop_asked
    reader.ask_to_stop()
    assert writer.stop_asked


def test_copy(path: Path, tmp_path: Path) -> None:
    """A copy reads like the file itself, also where it may not be written."""
    writer = Flight(path, Clock())
    slot: Slot = writer.slot(0, "mutate-0", SCENARIO)
    slot.enter(writer.label("add_object"))
    saved = tmp_path / "saved.flight"
    saved.write_bytes(writer.copy())
    saved.chmod(0o444)
    reader = FlightReader(saved)
    assert reader.snapshot().threads[0].doing == "add_object"
    reader.close()


@pytest.mark.parametrize("size", [0, 8, SIZE - 1, SIZE + 1])
def test_wrong_size(tmp_path: Path, size: int) -> None:
    """A flight file that is cut is refused by name."""
    cut = tmp_path / "cut"
    cut.write_bytes(b"\0" * size)
    with pytest.raises(ValueError, match="cut: expected a flight file"):
        FlightReader(cut)


def test_wrong_layout(tmp_path: Path) -> None:
    """A file of the right size that is no flight file is refused, by reader and writer."""
    other = tmp_path / "other"
    other.write_bytes(b"\1" * SIZE)
    with pytest.raises(ValueError, match="no flight file"):
        FlightReader(other)
    with pytest.raises(ValueError, match="no flight file"):
        Flight(other)


def test_damaged_file(tmp_path: Path) -> None:
    """Whatever a wild pointer of the target wrote over the file, reading it raises nothing."""
    damaged = tmp_path / "damaged"
    raw = bytearray(b"\xff" * SIZE)
    raw[:8] = flight.MAGIC.to_bytes(8, "little")
    damaged.write_bytes(raw)
    reader = FlightReader(damaged)
    snapshot = reader.snapshot(rings=True, marks=3)
    reader.close()
    assert len(snapshot.threads) == flight.SLOTS


def _together(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
