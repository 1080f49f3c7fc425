"""A job slot: worker after worker, turns, counts that are exact, and zygotes that do not live."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from soak.detect import Detective
from soak.events import (
    Event,
    Evidence,
    Kind,
    LeftBehind,
    Note,
    Sample,
    Sighted,
    WorkerEnded,
    WorkerStarted,
)
from soak.supervisor.ladder import Diagnosis
from soak.supervisor.launcher import Home
from soak.supervisor.loop import Loop
from soak.supervisor.plan import ITERATIONS_PER_EXIT, Entry, Plan
from soak.supervisor.slot import Lane, Slot, State
from tests.supervisor.harness import home_in, serving_loop, story_entry

QUICK = """
@soak.scenario(seconds=5.0, rounds=1)
def story(target, rng):
    yield

@story.operation(threads=1)
def work(state, rng):
    time.sleep(0.002)
"""


class Host:
    """What a slot needs of a run; it keeps what it is told."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.events: list[Event] = []
        self.sightings: list[Sighted] = []
        self.refused: list[str] = []
        self.disk: list[str] = []
        self.turns = 0
        self.others_wait = True
        self._detective = Detective()
        self._number = 0

    def home(self, entry: Entry) -> Home:
        return home_in(self.folder, **entry.env)

    def new_worker_number(self) -> int:
        self._number += 1
        return self._number

    def emit(self, event: Event, evidence: tuple[str, ...] = ()) -> list[Sighted]:
        self.events.append(event)
        sightings = self._detective.feed(event, evidence=evidence)
        self.sightings += sightings
        return sightings

    def file_stuck(self, diagnosis: Diagnosis, evidence: tuple[str, ...]) -> list[Sighted]:
        self.events.append(diagnosis.stuck)
        sighted = self._detective.stuck(diagnosis.stuck, diagnosis.frames, evidence)
        self.sightings.append(sighted)
        return [sighted]

    def wants_native_stack(self, sighted: Sighted) -> bool:
        return False

    def add_evidence(self, evidence: Evidence) -> None:
        self.events.append(evidence)

    def disk_failed(self, text: str) -> None:
        self.disk.append(text)

    def cannot_start(self, entry: Entry, message: str) -> None:
        self.refused.append(message)

    def errand_began(self) -> Callable[[], None]:
        return lambda: None

    def lane_waits(self) -> bool:
        return self.others_wait

    def turn_over(self, slot: Slot) -> None:
        self.turns += 1

    def ended(self) -> list[WorkerEnded]:
        return [event for event in self.events if isinstance(event, WorkerEnded)]


def plan_of(folder: Path, entry: Entry, **changes: object) -> Plan:
    plan = Plan(entries=(entry,), seed=1, jobs=1, out=folder, perturb="none", cores=False)
    return dataclasses.replace(plan, **changes)  # type: ignore[arg-type]


def one_turn(
    folder: Path,
    source: str,
    *,
    count: int | None = None,
    seconds: float = 600.0,
    during: Callable[[Loop, Slot, Host], None] = lambda _loop, _slot, _host: None,
    changes: dict[str, object] | None = None,
    **entry_changes: object,
) -> tuple[Host, Lane]:
    """Give one lane a turn until it is over, ticking as a run does."""
    entry = story_entry(folder, source, **entry_changes)
    host = Host(folder, plan_of(folder, entry, count=count, **(changes or {})))
    lane = Lane(entry=entry, first=host.plan.first_iteration, left=count)
    with serving_loop() as (loop, serve_until):
        slot = Slot(loop, host)

        def tick() -> None:
            loop.later(0.02, tick)
            slot.tick()
            slot.sample()
            during(loop, slot, host)

        slot.begin(lane, seconds)
        tick()
        serve_until(lambda: slot.state is State.IDLE, "end of the turn")
    return host, lane


def test_one_worker_runs_a_whole_count(tmp_path: Path) -> None:
    """Nothing is found: one fork for all 30 iterations; the lane has none left."""
    host, lane = one_turn(tmp_path, QUICK, count=30)
    (ended,) = host.ended()
    assert (ended.iterations, ended.status, ended.asked) == (30, 0, "")
    assert (lane.left, lane.next) == (0, 30)
    assert [event.how for event in host.events if isinstance(event, WorkerStarted)] == ["fork"]
    assert [event for event in host.events if isinstance(event, Sample)]
    assert host.turns == 1


def test_a_turn_that_ends_loses_no_iteration(tmp_path: Path) -> None:
    """Three turns cut a count of 200 anywhere: every iteration is run to its end exactly once."""
    done = tmp_path / "done"
    source = QUICK.replace("    yield\n", f"    yield\n    open({str(done)!r}, 'a').write('x')\n")
    entry = story_entry(tmp_path, source)
    host = Host(tmp_path, plan_of(tmp_path, entry, count=200))
    lane = Lane(entry=entry, first=0, left=200)
    with serving_loop() as (loop, serve_until):
        slot = Slot(loop, host)

        def tick() -> None:
            loop.later(0.02, tick)
            slot.tick()

        tick()
        while lane.left:
            slot.begin(lane, 0.4)
            serve_until(lambda: slot.state is State.IDLE, "end of the turn")
    assert sum(ended.iterations for ended in host.ended()) == 200
    assert lane.next == 200
    assert host.sightings == []


def test_a_turn_begins_once_the_target_is_imported(tmp_path: Path) -> None:
    """An import that takes longer than a turn leaves it all its time: a worker is started in each."""
    entry = story_entry(tmp_path, QUICK + "\ntime.sleep(0.5)\n")
    host = Host(tmp_path, plan_of(tmp_path, entry))
    lane = Lane(entry=entry, first=0, left=None, finished=1)
    with serving_loop() as (loop, serve_until):
        slot = Slot(loop, host)

        def tick() -> None:
            loop.later(0.02, tick)
            slot.tick()

        slot.begin(lane, 0.1)
        tick()
        serve_until(lambda: slot.state is State.IDLE, "end of the turn")
    assert len(host.ended()) == 1


def test_after_a_finding_the_next_worker_goes_on(tmp_path: Path) -> None:
    """Iterations 0, 1, 2 …: each breaks the promise in a worker of its own, none is run twice."""
    source = QUICK.replace("time.sleep(0.002)", "soak.always(False, 'x')")
    host, lane = one_turn(tmp_path, source, count=4)
    assert [sighted.iteration for sighted in host.sightings] == [0, 1, 2, 3]
    assert [ended.worker for ended in host.ended()] == [1, 2, 3, 4]
    assert lane.left == 0


def test_a_worker_that_dies_before_its_first_iteration_uses_it_up(tmp_path: Path) -> None:
    """Or a count would never come to its end."""
    (tmp_path / "shop.py").write_text(
        "import os\nclass Sim: pass\ndef soak_prepare(*, guard_malloc): os._exit(6)\n"
    )
    host, lane = one_turn(
        tmp_path, QUICK, count=5, changes={"target": "shop:Sim"}, env={"PYTHONPATH": _path(tmp_path)}
    )
    assert [ended.status for ended in host.ended()] == [6] * 5
    assert {sighted.kind for sighted in host.sightings} == {Kind.EXIT}
    assert lane.left == 0


def _path(folder: Path) -> str:
    import os

    return f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"


def test_a_reproducer_runs_the_same_iterations_in_fresh_workers(tmp_path: Path) -> None:
    """span=2 from iteration 7 on, three times: three workers, each begins at 7."""
    host, _lane = one_turn(tmp_path, QUICK, count=3, changes={"span": 2, "first_iteration": 7})
    starts = [event.first_iteration for event in host.events if isinstance(event, WorkerStarted)]
    assert starts == [7, 7, 7]
    assert [ended.iterations for ended in host.ended()] == [2, 2, 2]


def test_where_pythons_exit_is_under_test_it_comes_often(tmp_path: Path) -> None:
    """real_exit: a new worker every few iterations, and the count is exact."""
    source = QUICK.replace("rounds=1", "rounds=1, real_exit=True")
    host, _lane = one_turn(tmp_path, source, count=ITERATIONS_PER_EXIT * 2 + 1, real_exit=True)
    assert [ended.iterations for ended in host.ended()] == [ITERATIONS_PER_EXIT, ITERATIONS_PER_EXIT, 1]
    assert {ended.status for ended in host.ended()} == {0}


def test_what_a_worker_left_running_is_told(tmp_path: Path) -> None:
    """After its last words: a leak. After a death: a note, for the death is the finding."""
    source = QUICK.replace("time.sleep(0.002)", "subprocess.run(['sh', '-c', 'sleep 612 & '])")
    host, _lane = one_turn(tmp_path, source, count=1)
    assert [event for event in host.events if isinstance(event, LeftBehind)]
    assert [sighted.kind for sighted in host.sightings] == [Kind.LEAK]
    dead = tmp_path / "dead"
    dead.mkdir()
    host, _lane = one_turn(dead, source + "    os.kill(os.getpid(), signal.SIGSEGV)\n", count=1)
    assert [sighted.kind for sighted in host.sightings] == [Kind.CRASH]
    assert [event for event in host.events if isinstance(event, Note) and "sleep 612" in event.text]


def test_what_a_finding_cut_short_and_left_running_is_a_note(tmp_path: Path) -> None:
    """Its iteration was not looked through for what stayed either: the finding is what there is to mend."""
    source = QUICK.replace(
        "time.sleep(0.002)",
        "subprocess.run(['sh', '-c', 'sleep 613 & ']); soak.always(False, 'it works')",
    )
    host, _lane = one_turn(tmp_path, source, count=1)
    assert [sighted.kind for sighted in host.sightings] == [Kind.VIOLATION]
    (note,) = [event.text for event in host.events if isinstance(event, Note)]
    assert "ended with a finding and left process" in note
    assert "sleep 613" in note


def test_a_lost_zygote_is_replaced_and_the_count_goes_on(tmp_path: Path) -> None:
    """It is killed while its worker works: the worker's iteration counts as tried, the slot is free."""
    source = QUICK.replace("time.sleep(0.002)", "os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)")
    host, lane = one_turn(tmp_path, source, count=3)
    assert lane.left == 2
    assert lane.zygotes_lost == 1
    assert [ended.status for ended in host.ended()] == [-9]
    assert [event.text for event in host.events if isinstance(event, Note)] == [
        "the zygote of story died of SIGKILL"
    ]
    assert host.refused == []


def test_a_target_whose_import_dies_cannot_start(tmp_path: Path) -> None:
    """Once, in words, with the last thing that it said; it is not tried again."""
    (tmp_path / "shop.py").write_text("import os, sys\nsys.stderr.write('no GPU here\\n')\nos._exit(3)\n")
    host, _lane = one_turn(
        tmp_path, QUICK, count=5, changes={"target": "shop:Sim"}, env={"PYTHONPATH": _path(tmp_path)}
    )
    (message,) = host.refused
    assert "exit status 3 while it imported the target" in message
    assert "no GPU here" in message
    assert host.ended() == []


def test_a_folder_that_cannot_be_made_ends_the_turn(tmp_path: Path) -> None:
    """The disk is full when the next worker is due: told to the run, nothing raised."""
    (tmp_path / "workers").write_text("in the way")
    host, _lane = one_turn(tmp_path, QUICK, count=5)
    assert len(host.disk) == 1
    assert host.ended() == []


def test_a_killed_slot_ends_whatever_its_worker_does(tmp_path: Path) -> None:
    """A worker that hangs is killed with the reason that the run gave; no hang is told."""
    source = QUICK.replace("time.sleep(0.002)", "time.sleep(600)")

    def kill(_loop: Loop, slot: Slot, host: Host) -> None:
        if any(isinstance(event, WorkerStarted) for event in host.events):
            slot.kill("interrupt")

    host, _lane = one_turn(tmp_path, source, count=5, during=kill)
    assert [(ended.asked, ended.status) for ended in host.ended()] == [("interrupt", -9)]
    assert host.sightings == []


def test_a_zygote_that_was_stopped_does_not_keep_a_slot(tmp_path: Path) -> None:
    """The target stops its parent (SIGSTOP), which can then tell nothing: a second kill ends it."""
    stopped = tmp_path / "stopped"
    source = QUICK.replace(
        "time.sleep(0.002)",
        f"os.kill(os.getppid(), signal.SIGSTOP); open({str(stopped)!r}, 'w').close(); time.sleep(600)",
    )

    def kill(_loop: Loop, slot: Slot, _host: Host) -> None:
        if stopped.exists():
            slot.kill("interrupt")

    host, _lane = one_turn(tmp_path, source, count=5, during=kill)
    assert [ended.asked for ended in host.ended()] == ["interrupt"]
