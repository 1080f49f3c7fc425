"""Events with everyday values, for tests that care about one or two fields."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

from soak.events import (
    Beat,
    Event,
    Evidence,
    Frame,
    Kept,
    Kind,
    LastWords,
    LeftBehind,
    LeftOver,
    Note,
    Phase,
    Preceded,
    PromiseBroken,
    Raised,
    Residue,
    Resumed,
    RunEnded,
    RunStarted,
    Sample,
    ScenarioSkipped,
    Sighted,
    Stuck,
    Verdict,
    WorkerEnded,
    WorkerStarted,
)

E = TypeVar("E", bound=Event)

FAULTS = Path(__file__).parent / "faults"

STEP = Frame(function="Engine.step", file="/home/ada/arm/engine.py", line=120)
POLICY = Frame(function="run_policy", file="/home/ada/arm/policy.py", line=33)
STORM = Frame(function="mutate", file="/home/ada/scenarios/storm.py", line=9)
WAIT = Frame(function="wait", file="/usr/lib/python3.11/threading.py", line=327)
OURS = Frame(function="run", file="/opt/soak/worker/crew.py", line=70)

_SAMPLES: tuple[Event, ...] = (
    RunStarted(
        t=1000.0,
        run="20250101-020000",
        argv=("run", "--minutes", "30"),
        seed=7,
        scenarios=("storm",),
        minutes=30.0,
        count=None,
        jobs=2,
        environment={"python": "3.12.1"},
    ),
    Resumed(t=1000.05, argv=("run", "--resume"), seconds=12.5),
    ScenarioSkipped(t=1000.1, scenario="render", reason="no GL", remedy="apt install libosmesa6"),
    Note(t=1000.2, text="ptrace is not permitted"),
    WorkerStarted(
        t=1001.0, worker=1, scenario="storm", pid=77, first_iteration=4, how="fork", sometimes=("they met",)
    ),
    Sample(
        t=1002.0,
        worker=1,
        rss=200_000_000,
        cpu=0.9,
        threads=12,
        fds=30,
        operations=1000,
        accepted=10,
        refused=990,
        iterations=1,
    ),
    Stuck(
        t=1010.0,
        worker=1,
        thread="mutate-2",
        doing="add_object",
        phase=Phase.OPERATIONS,
        seconds=10.0,
        starved=False,
        hog="",
        others=("policy-0 has been in step for 10.0 s",),
    ),
    LeftBehind(t=1020.0, worker=1, pid=99, command="sleep 1000", session=99),
    WorkerEnded(
        t=1021.0,
        worker=1,
        scenario="storm",
        status=-11,
        asked="",
        last_words=False,
        dump_began=False,
        phase=Phase.OPERATIONS,
        iteration=5,
        seconds=20.0,
        iterations=1,
        operations=2000,
        accepted=20,
        refused=1980,
        sometimes={"they met": 3},
        doing=("mutate-2 has been in add_object for 0.1 s",),
        fault_text="",
        mujoco_log="",
        oom="",
    ),
    Sighted(
        t=1021.0,
        sighting=1,
        worker=1,
        scenario="storm",
        kind=Kind.CRASH,
        title="SIGSEGV in step (arm/engine.py)",
        promise="",
        detail="during operations, 20.0 s after the worker began",
        frames=(STEP, POLICY),
        doing=("mutate-2 has been in add_object for 0.1 s",),
        signal=11,
        tainted=False,
        shutdown=False,
        iteration=5,
        first_iteration=4,
        evidence=("workers/1/fault.txt",),
    ),
    Evidence(t=1022.0, sighting=1, name="native.txt", path="", problem="no core: the limit is 0"),
    Kept(
        t=1021.1,
        sighting=1,
        finding="crash-12345678",
        occurrence=1,
        new=True,
        path="findings/crash-12345678/1",
    ),
    RunEnded(t=1100.0, verdict=Verdict.FINDINGS, seconds=100.0, reason="the budget is spent"),
    Beat(
        t=1003.0,
        worker=1,
        iteration=4,
        iterations=1,
        seconds=2.0,
        operations=1000,
        accepted=10,
        refused=990,
        sometimes={"they met": 2},
        rss=200_000_000,
        heap=50_000_000,
        blocks=60_000,
        maps=300,
        threads=12,
        fds=30,
    ),
    PromiseBroken(
        t=1004.0,
        worker=1,
        iteration=4,
        thread="mutate-2",
        doing="add_object",
        phase=Phase.OPERATIONS,
        promise="a refusal changes nothing",
        details={"before": "3", "after": "4"},
        frames=(STORM,),
        ring="ring-1.flight",
    ),
    Raised(
        t=1005.0,
        worker=1,
        iteration=4,
        thread="mutate-2",
        doing="add_object",
        phase=Phase.OPERATIONS,
        error="RuntimeError",
        message="dictionary changed size during iteration",
        traceback="Traceback …",
        frames=(STEP, STORM),
        ring="ring-1.flight",
    ),
    Residue(
        t=1006.0,
        worker=1,
        iteration=4,
        resource="thread",
        before=3,
        after=4,
        items=(LeftOver(name="policy-#", site="start_policy (engine.py:88)", frames=(STEP,)),),
    ),
    Preceded(t=1003.0, worker=1, scenario="calm", iterations=3),
    LastWords(t=1007.0, worker=1, reason="count", iterations=3, message=""),
)

ALL: dict[type[Event], Event] = {type(event): event for event in _SAMPLES}


def sample(kind: type[E], /, **changes: Any) -> E:
    """An event of ``kind`` with some fields changed."""
    event = ALL[kind]
    assert isinstance(event, kind)
    return dataclasses.replace(event, **changes)


def fault(name: str) -> str:
    """A text that faulthandler wrote, without the header of what is expected of it."""
    return (FAULTS / f"{name}.txt").read_text().partition("---\n")[2]
