"""The fold from events to sightings, and the detectors that need a single event."""

from __future__ import annotations

import pytest

from soak.detect import Detective
from soak.events import (
    Blocked,
    Event,
    Kind,
    LeftBehind,
    LeftOver,
    PromiseBroken,
    Raised,
    Residue,
    Sighted,
    Stuck,
    WorkerEnded,
    WorkerStarted,
)
from tests.detect.samples import ALL, POLICY, STEP, STORM, WAIT, sample


@pytest.fixture
def detective() -> Detective:
    made = Detective()
    made.feed(sample(WorkerStarted))
    return made


def _one(sightings: list[Sighted]) -> Sighted:
    (sighted,) = sightings
    return sighted


def test_violation(detective: Detective) -> None:
    """A broken promise is named by its sentence; what varies is told beside it."""
    sighted = _one(detective.feed(sample(PromiseBroken), evidence=("workers/1/ring-1.flight",)))
    assert (sighted.kind, sighted.title) == (Kind.VIOLATION, "a refusal changes nothing")
    assert sighted.promise == "a refusal changes nothing"
    assert sighted.detail == "mutate-2 in add_object, during operations: before=3, after=4"
    assert sighted.evidence == ("workers/1/ring-1.flight",)


def test_a_violation_of_a_guarantee(detective: Detective) -> None:
    """The guarantee is what was violated; which of its promises was broken is told first beside it."""
    sighted = _one(detective.feed(sample(PromiseBroken, guarantee="a scene is one's own")))
    assert (sighted.title, sighted.guarantee) == ("a scene is one's own", "a scene is one's own")
    assert sighted.promise == "a refusal changes nothing"
    assert sighted.detail.startswith("broken as: a refusal changes nothing; mutate-2 in add_object, during ")


def test_error(detective: Detective) -> None:
    """An exception is named by its type and place; its message is shown in one short line."""
    sighted = _one(detective.feed(sample(Raised, message="one\ntwo " + "x" * 500)))
    assert (sighted.kind, sighted.promise) == (Kind.ERROR, "RuntimeError")
    assert sighted.title.startswith("RuntimeError in step (arm/engine.py): one two xxx")
    assert "\n" not in sighted.title
    assert len(sighted.title) < 250


def test_hang(detective: Detective) -> None:
    """A stuck thread is a hang in what it was doing, at the target's frame, told with who else waits."""
    sighted = detective.stuck(sample(Stuck), (WAIT, STEP, STORM), ("w/native.txt",), iteration=9)
    assert sighted.kind is Kind.HANG
    assert sighted.title == "hang in add_object, at step (arm/engine.py)"
    assert sighted.doing[0] == "mutate-2 has been in add_object for 10.0 s"
    assert sighted.doing[1] == "policy-0 has been in step for 10.0 s"
    assert (sighted.iteration, sighted.evidence) == (9, ("w/native.txt",))


def test_starvation(detective: Detective) -> None:
    """A thread that goes on, slowly, under another's load is starved, and the hog is named."""
    stuck = sample(Stuck, starved=True, hog="spin-1, 98% of a core")
    sighted = detective.stuck(stuck, (STEP,))
    assert sighted.kind is Kind.STARVATION
    assert "spin-1, 98% of a core holds the processor" in sighted.title


def test_stuck_waits_for_its_stacks(detective: Detective) -> None:
    """Feeding a Stuck tells nothing yet: its stacks come later."""
    assert detective.feed(sample(Stuck)) == []


def test_residue_of_two_sites_is_two_leaks(detective: Detective) -> None:
    """What one iteration left behind at two creation sites are two problems, each with its things."""
    items = (
        LeftOver(name="policy-#", site="start (engine.py:88)", frames=(STEP,)),
        LeftOver(name="policy-#", site="start (engine.py:88)", frames=(STEP,)),
        LeftOver(name="watch", site="open (scene.py:3)", frames=(STORM,)),
    )
    sightings = detective.feed(sample(Residue, before=3, after=6, items=items))
    assert [sighted.kind for sighted in sightings] == [Kind.LEAK, Kind.LEAK]
    assert sightings[0].title == "2 threads left behind, made in step (arm/engine.py)"
    assert sightings[1].title == "1 thread left behind, made in mutate (scenarios/storm.py)"
    assert "3 before the iteration, 6 after it" in sightings[0].detail


@pytest.mark.parametrize(
    ("resource", "name", "title"),
    [
        ("descriptor", "tmp/scene-#.xml", "1 descriptor left behind: tmp/scene-#.xml"),
        ("child", "sleep #", "1 child left behind: sleep #"),
        ("file", "tmp/lock", "1 file left behind: tmp/lock"),
    ],
)
def test_residue_without_a_site(detective: Detective, resource: str, name: str, title: str) -> None:
    """A thing whose creation nobody saw is told by its name."""
    items = (LeftOver(name=name, site=""),)
    sighted = _one(detective.feed(sample(Residue, resource=resource, items=items)))
    assert sighted.title == title


def test_flood_of_residue(detective: Detective) -> None:
    """A thousand files of a thousand names are no thousand findings, and none goes uncounted."""
    items = tuple(LeftOver(name=f"tmp/{chr(97 + n % 26)}{chr(97 + n // 26)}", site="") for n in range(676))
    sightings = detective.feed(sample(Residue, resource="file", before=0, after=676, items=items))
    assert len(sightings) == 8
    assert sightings[-1].title.startswith("669 files left behind")


def test_residue_without_items(detective: Detective) -> None:
    """Numbers alone are a leak too."""
    sighted = _one(detective.feed(sample(Residue, resource="descriptor", before=10, after=14, items=())))
    assert sighted.title.startswith("4 descriptors left behind")


def test_left_behind_after_the_workers_end(detective: Detective) -> None:
    """A process that outlived its worker is a leak of the worker's scenario, though the worker is gone."""
    detective.feed(sample(WorkerEnded, status=0, last_words=True))
    sighted = _one(detective.feed(sample(LeftBehind)))
    assert (sighted.kind, sighted.scenario) == (Kind.LEAK, "storm")
    assert "sleep 1000" in sighted.title


def test_a_hang_is_told_by_its_knot(detective: Detective) -> None:
    """Not who was noticed first, but who holds what the others want, gives a hang its title and frames."""
    holder = Blocked(thread="remove-0", doing="remove", frames=(STEP, POLICY), holds=("_lock",))
    sighted = detective.stuck(sample(Stuck), (WAIT, STORM), blocked=(holder,))
    assert (sighted.title, sighted.promise) == ("hang in remove, at step (arm/engine.py)", "remove")
    assert (sighted.frames, sighted.blocked) == ((STEP, POLICY), (holder,))
    assert "remove-0 (remove) holds _lock and stands at step (arm/engine.py)" in sighted.detail
    assert sighted.doing[0] == "mutate-2 has been in add_object for 10.0 s"


def test_a_lock_that_nobody_gives_back_is_told(detective: Detective) -> None:
    """The hang keeps the thread that was noticed, and says which lock it wants."""
    orphan = Blocked(thread="mutate-2", doing="add_object", frames=(STORM,), waits=("_lock",))
    sighted = detective.stuck(sample(Stuck), (STORM,), blocked=(orphan,))
    assert sighted.title == "hang in add_object, at mutate (scenarios/storm.py)"
    assert "mutate-2 (add_object) waits for _lock, which no thread's frames hold" in sighted.detail


def test_sightings_know_their_target(detective: Detective) -> None:
    """What was under test is said when a worker starts, and stays with all that is sighted of it."""
    detective.feed(sample(WorkerStarted, worker=7, target="arm:Arm"))
    assert _one(detective.feed(sample(PromiseBroken, worker=7))).target == "arm:Arm"
    assert _one(detective.feed(sample(PromiseBroken, worker=1))).target == ""


def test_a_death_keeps_the_only_threads_operation(detective: Detective) -> None:
    """A crash and an exit say what the scenario's one thread was in."""
    (crash,) = detective.feed(sample(WorkerEnded, operation="leave"))
    (exited,) = detective.feed(sample(WorkerEnded, status=1, operation="leave"))
    assert (crash.kind, crash.operation) == (Kind.CRASH, "leave")
    assert (exited.kind, exited.operation) == (Kind.EXIT, "leave")


def test_sightings_are_numbered(detective: Detective) -> None:
    """Every sighting of a run has a number of its own, in order, hangs included."""
    numbers = [_one(detective.feed(sample(PromiseBroken))).sighting]
    numbers.append(detective.stuck(sample(Stuck), ()).sighting)
    numbers.append(_one(detective.feed(sample(Raised))).sighting)
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize("event", ALL.values(), ids=lambda event: type(event).__name__)
def test_unknown_worker(event: Event) -> None:
    """A stream that begins in the middle is judged all the same."""
    for sighted in Detective().feed(event):
        assert sighted.sighting == 1


def test_memory_is_bounded(detective: Detective) -> None:
    """Ten thousand workers later the detective remembers only the last ones."""
    for number in range(10_000):
        detective.feed(sample(WorkerStarted, worker=number))
        detective.feed(sample(WorkerEnded, worker=number))
    assert len(detective._workers) < 100
