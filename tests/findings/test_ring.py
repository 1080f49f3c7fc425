"""A flight snapshot as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak import flight
from soak.events import Phase
from soak.findings.ring import is_flight, now_doing, read_ring, render
from soak.flight import MAIN, SCENARIO, RingEntry, Snapshot, ThreadState


def _thread(name: str, doing: str, since: float, **changes: object) -> ThreadState:
    fields: dict[str, object] = {
        "name": name,
        "kind": SCENARIO,
        "native_id": 700,
        "doing": doing,
        "since": since,
        "beat_at": 0.0,
        "beats": 0,
        "operations": 3,
        "head": 0,
        "ring": (),
    }
    return ThreadState(**(fields | changes))  # type: ignore[arg-type]


def _snapshot(*threads: ThreadState) -> Snapshot:
    return Snapshot(
        phase=Phase.OPERATIONS,
        phase_since=100.0,
        phase_limit=10.0,
        iteration=4,
        iterations=4,
        operations=30,
        accepted=10,
        refused=20,
        marks=(),
        threads=threads,
    )


def test_hang() -> None:
    """Who has been in what for how long, the longest first, with what each did before."""
    ring = (
        RingEntry(label="set_gravity", began=101.0, seconds=0.0005, outcome="refused"),
        RingEntry(label="add_camera", began=101.5, seconds=0.25, outcome="done"),
    )
    stuck = _thread("mutate-2", "add_object", 102.0, head=9, ring=ring)
    text = render(_snapshot(_thread("policy-0", "step", 111.5), stuck), now=112.0)
    lines = text.splitlines()
    assert lines[0] == "iteration 4, operations for 12.0 s: 30 operations, 10 accepted, 20 refused"
    assert lines[3] == "mutate-2 has been in add_object for 10.0 s (thread 700, 3 operations)"
    assert lines[4] == "    … 7 earlier ones"
    assert lines[5].split() == ["-11.000000", "500", "µs", "refused", "set_gravity"]
    assert lines[6].split() == ["-10.500000", "250.0", "ms", "done", "add_camera"]
    assert lines[8].startswith("policy-0 has been in step for 0.5 s")


@pytest.mark.parametrize(
    ("thread", "words"),
    [
        (_thread("a", "", 0.0), "a did nothing"),
        (_thread("a", "", 9.0), "a has been between operations for 1.0 s"),
        (_thread("a", "work", 4.0, beat_at=9.5), "a has been in work for 6.0 s, its last beat 0.5 s ago"),
        (_thread("a", "work", 4.0, beat_at=3.0), "a has been in work for 6.0 s"),
        (_thread("a", "work", 11.0), "a has been in work for 0 µs"),
    ],
)
def test_now_doing(thread: ThreadState, words: str) -> None:
    """A thread's state in words: idle, at work, beating, and never in the future."""
    assert now_doing(thread, 10.0) == words


def test_without_now() -> None:
    """Without the moment of the snapshot, times go by the last thing recorded."""
    text = render(_snapshot(_thread("a", "work", 104.0), _thread("b", "", 0.0, beat_at=110.0)))
    assert "a has been in work for 6.0 s" in text
    assert "before the last thing recorded" in text


@pytest.mark.parametrize("now", [50.0, 1e6])
def test_a_now_that_cannot_be(now: float) -> None:
    """A clock of another boot, before the snapshot or long after it, is not believed."""
    snapshot = _snapshot(_thread("a", "work", 104.0), _thread("b", "", 0.0, beat_at=110.0))
    assert render(snapshot, now=now) == render(snapshot)


def test_only_the_last_ones() -> None:
    """Of a full ring the last operations are shown."""
    ring = tuple(RingEntry(label=f"op {n}", began=100.0 + n, seconds=1.0, outcome="done") for n in range(64))
    text = render(_snapshot(_thread("a", "", 164.0, head=500, ring=ring)), shown=5)
    assert "… 495 earlier ones" in text
    assert [line.split()[-1] for line in text.splitlines()[-5:]] == ["59", "60", "61", "62", "63"]


def test_no_threads() -> None:
    """A worker that died before its first thread is said to have none."""
    assert "No thread was recorded." in render(_snapshot())


def test_saved_copy(tmp_path: Path) -> None:
    """A copy of a real flight file reads; other files are told apart without an error."""
    path = tmp_path / "flight"
    flight.create(path)
    writer = flight.Flight(path)
    writer.enter_phase(Phase.CHECKS, 5.0)
    slot = writer.slot(0, "main", MAIN)
    slot.enter(writer.label("check"))
    assert is_flight(path)
    assert "main has been in check" in read_ring(path)
    other = tmp_path / "other"
    other.write_bytes(b"\1" * flight.SIZE)
    assert not is_flight(other)
    other.write_bytes(b"")
    assert not is_flight(other)
