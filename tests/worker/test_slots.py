"""Which thread has which slot of the flight file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from soak.flight import SCENARIO, SLOTS, TARGET, Flight, FlightReader, Slot, create
from soak.worker.slots import KEPT_RINGS, Slots, thread_name


@pytest.fixture
def flight(tmp_path: Path) -> Flight:
    create(tmp_path / "flight")
    return Flight(tmp_path / "flight")


def in_thread(work: Callable[[], object], name: str = "t") -> None:
    thread = threading.Thread(target=work, name=name)
    thread.start()
    thread.join()


def test_a_thread_keeps_its_slot(flight: Flight, tmp_path: Path) -> None:
    """The main thread has slot 0, a scenario's the one it opened, a target's the next that is free."""
    slots = Slots(flight, 2)
    assert slots.mine() is slots.main
    seen: list[tuple[Slot, Slot]] = []

    def scenario() -> None:
        seen.append((slots.open_scenario(2, "work-1"), slots.mine()))

    def target() -> None:
        seen.append((slots.mine(), slots.mine()))
        slots.mine().enter(slots.label("step"))
        assert slots.doing() == "step"
        slots.mine().leave()
        assert slots.doing() == ""

    in_thread(scenario)
    in_thread(target, "policy")
    assert all(one is other for one, other in seen)
    threads = FlightReader(tmp_path / "flight").snapshot(rings=True).threads
    assert [(thread.name, thread.kind) for thread in threads] == [
        ("main", 0),
        ("work-1", SCENARIO),
        ("policy", TARGET),
    ]
    assert [entry.label for entry in threads[2].ring] == ["step"]


def test_slots_of_ended_threads_are_used_again(flight: Flight, tmp_path: Path) -> None:
    """Thousands of short threads need few slots, the latest rings stay, and no count is lost."""
    slots = Slots(flight, 0)
    for number in range(500):
        in_thread(lambda: slots.mine().count(refused=False), f"short-{number}")
    snapshot = FlightReader(tmp_path / "flight").snapshot()
    assert len(snapshot.threads) <= KEPT_RINGS + 2
    assert "short-499" in {thread.name for thread in snapshot.threads}
    assert "short-492" in {thread.name for thread in snapshot.threads}
    assert snapshot.operations == 500


def test_living_threads_never_share_a_slot(flight: Flight, tmp_path: Path) -> None:
    """With more threads than slots the last ones count nothing, but what they saw is seen."""
    slots = Slots(flight, 0)
    ready, go = threading.Barrier(SLOTS + 11), threading.Event()

    def live() -> None:
        slot = slots.mine()
        ready.wait()
        slot.enter(1)
        slot.leave()
        slot.count(refused=True)
        slot.beat()
        slot.mark(1)
        go.wait()

    threads = [threading.Thread(target=live) for _ in range(SLOTS + 10)]
    for thread in threads:
        thread.start()
    ready.wait()
    go.set()
    for thread in threads:
        thread.join()
    snapshot = FlightReader(tmp_path / "flight").snapshot(marks=2)
    assert snapshot.operations == snapshot.refused == SLOTS - 1
    assert snapshot.marks[1] > SLOTS - 1


def test_after_a_fork_the_child_has_no_slot(flight: Flight, tmp_path: Path) -> None:
    """What a forked child does stays out of the parent's rings."""
    slots = Slots(flight, 0)
    slots.forget_all()
    slots.mine().enter(1)
    slots.mine().count(refused=False)
    assert FlightReader(tmp_path / "flight").snapshot().operations == 0


def test_naming_a_thread_leaves_nothing_behind() -> None:
    """The main thread is `main`, others have their own names, and no dummy thread is made."""
    names: list[str] = []
    before = threading.active_count()
    in_thread(lambda: names.append(thread_name()), "policy-3")
    assert names == ["policy-3"]
    assert thread_name() == "main"
    assert threading.active_count() == before


def test_a_native_thread_has_a_name_too() -> None:
    """A thread that Python's threading does not know is named by its native id, without a dummy."""
    import _thread

    names: list[str] = []
    done = threading.Event()

    def work() -> None:
        names.append(thread_name())
        done.set()

    _thread.start_new_thread(work, ())
    assert done.wait(60)
    assert names[0].startswith("native-")
