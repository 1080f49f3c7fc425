"""The canaries for the scenarios of the task store: the store with one planted defect in each."""

from __future__ import annotations

from soak.canaries.canary import Canary
from soak.events import Kind

_TARGETS = "soak.canaries.task_store"

#: Two writers of one file break a promise, mostly; or one of them misses its file and raises.
_RACE = (Kind.VIOLATION, Kind.ERROR)


def _planted(name: str, about: str, scenario: str, defect: str, expect: tuple[Kind, ...] = _RACE) -> Canary:
    return Canary(name=name, about=about, scenario=scenario, target=f"{_TARGETS}:{defect}", expect=expect)


TASK_STORE: tuple[Canary, ...] = (
    _planted("task_no_lock", "read, modify, write without the lock", "claim_race", "NoLock"),
    _planted("task_read_before_lock", "state read before the lock", "claim_race", "ReadBeforeLock"),
    _planted("task_shared_temporary", "one temporary name for all", "claim_race", "SharedTemporary"),
    _planted(
        "task_released_before_replace",
        "lock released before the replace",
        "claim_race",
        "ReleasedBeforeReplace",
    ),
    _planted(
        "task_trusts_age", "a claim is stale by age alone", "store_crash", "TrustsAge", (Kind.VIOLATION,)
    ),
    _planted(
        "task_freed_first",
        "dependants freed before the parent",
        "claim_race",
        "FreedFirst",
        (Kind.VIOLATION,),
    ),
)
