"""A built-in scenario in a real worker, and what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.author import Missing
from soak.events import Beat, PromiseBroken, Raised, Residue, WorkerSpec
from soak.worker.load import load_scenario
from tests.worker.harness import ROOT, Outcome, Worker

#: Beats come at most five times a second: this is five minutes and more.
MOST_BEATS = 1500


def spec_of(name: str, folder: Path, **changes: object) -> WorkerSpec:
    """A worker's spec for a built-in scenario; one whose needs are not met here is skipped."""
    env: dict[str, str] = {}
    for need in load_scenario(str(ROOT / "scenarios" / f"{name}.py"), name).needs:
        answer = need()
        if isinstance(answer, Missing):
            pytest.skip(f"{answer.reason}: {answer.remedy}")
        env.update(answer.env)
    fields: dict[str, object] = {
        "worker": 1,
        "scenario_file": str(ROOT / "scenarios" / f"{name}.py"),
        "scenario": name,
        "target": "",
        "seed": 1,
        "first_iteration": 0,
        "count": 0,
        "hang_after": 30.0,
        "perturb": "light",
        "guard_malloc": False,
        "cores": False,
        "folder": str(folder),
        "env": env,
    }
    return WorkerSpec(**{**fields, **changes})  # type: ignore[arg-type]


def problems(outcome: Outcome) -> list[str]:
    """All that the worker found, in words."""
    return [
        *(f"broken: {event.promise} {event.details}" for event in outcome.of(PromiseBroken)),
        *(f"raised: {event.traceback}" for event in outcome.of(Raised)),
        *(f"left: {event.resource} {event.items}" for event in outcome.of(Residue)),
    ]


def expect_clean(spec: WorkerSpec, *, iterations: int = 0) -> None:
    """Soak until every `sometimes` was seen, for so many iterations at least: nothing is found or left."""
    worker = Worker(spec)
    unseen = {"not a beat yet"}
    for _ in range(MOST_BEATS):
        event = worker.next_event()
        if event is None:
            break
        if isinstance(event, Beat):
            unseen = {text for text, count in event.sometimes.items() if not count}
            if not unseen and event.iterations >= iterations:
                worker.ask_to_stop()
                break
    outcome = worker.finish()
    assert problems(outcome) == []
    assert not unseen
    assert outcome.status == 0
    assert outcome.last_words().reason == "asked"
