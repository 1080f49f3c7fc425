"""The canaries of ``hot_swap``: the registry of runners with one planted defect in each."""

from __future__ import annotations

from soak.canaries.canary import Canary
from soak.events import Kind

_TARGETS = "soak.canaries.registry"

#: What waits for ever is told by the scenario's own watch, or by the supervisor's.
_BLOCKED = (Kind.VIOLATION, Kind.HANG)
_SAYS_BLOCKED = "in bounded time|hang in"


def _planted(
    name: str, about: str, defect: str, says: str, expect: tuple[Kind, ...] = (Kind.VIOLATION,)
) -> Canary:
    return Canary(
        name=name,
        about=about,
        scenario="hot_swap",
        target=f"{_TARGETS}:{defect}",
        expect=expect,
        says=says,
        hang_after=5.0 if Kind.HANG in expect else None,
    )


REGISTRY: tuple[Canary, ...] = (
    _planted(
        "stop_under_lock",
        "stop before register, under the lock",
        "StopUnderLock",
        _SAYS_BLOCKED,
        _BLOCKED,
    ),
    _planted(
        "wait_under_lock",
        "old runner waited for under the lock",
        "WaitUnderLock",
        _SAYS_BLOCKED,
        _BLOCKED,
    ),
    _planted(
        "removed_during_swap",
        "entry removed during the swap",
        "RemovedDuringSwap",
        "get finds|one live|live after stop_all",
    ),
    _planted(
        "never_stopped",
        "old runner never stopped",
        "NeverStopped",
        "thread is gone|one live runner|exactly once",
    ),
    _planted(
        "no_closed_flag",
        "start survives stop_all",
        "NoClosedFlag",
        "after stop_all|no runner after its final",
    ),
    _planted(
        "failure_forgets",
        "failed reload forgets the old",
        "FailureForgets",
        "get finds|leaves the old|one live runner|live after stop_all",
    ),
    _planted(
        "handed_out_stopped", "a stopped runner is handed out", "HandedOutStopped", "hands out no runner"
    ),
)
