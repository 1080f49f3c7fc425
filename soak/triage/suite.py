"""Which scenarios a run had begun before a finding came, from the run's stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from soak.events import Event, RunStarted, WorkerStarted


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """``before`` in the order in which they were begun last; ``words`` is the run's command line."""

    before: tuple[str, ...]
    words: tuple[str, ...]


def suite_of(events: Iterable[Event | None], scenario: str, t: float) -> Suite:
    """The scenarios other than ``scenario`` that had a worker before the moment ``t`` (Unix seconds)."""
    before: dict[str, None] = {}
    words: tuple[str, ...] = ()
    for event in events:
        match event:
            case RunStarted():
                words = event.argv
            case WorkerStarted() if event.t <= t and event.scenario != scenario:
                before.pop(event.scenario, None)
                before[event.scenario] = None
            case _:
                pass
    return Suite(before=tuple(before), words=words)
