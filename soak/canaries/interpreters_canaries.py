"""The canaries of ``interpreter_teardown`` and ``cancellation``: one planted defect in each."""

from __future__ import annotations

from soak.canaries.canary import Canary
from soak.events import Kind

_TARGETS = "soak.canaries.interpreters"

#: What never returns is told by the scenario's own watch, or by the supervisor's, after these seconds.
_NEVER_RETURNS, _HANG_AFTER = (Kind.VIOLATION, Kind.HANG), 4.0


def _planted(
    name: str,
    about: str,
    defect: str,
    says: str,
    scenario: str = "interpreter_teardown",
    expect: tuple[Kind, ...] = (Kind.VIOLATION,),
) -> Canary:
    return Canary(
        name=name,
        about=about,
        scenario=scenario,
        target=f"{_TARGETS}:{defect}",
        expect=expect,
        says=says,
        hang_after=_HANG_AFTER if Kind.HANG in expect else None,
    )


INTERPRETERS: tuple[Canary, ...] = (
    _planted(
        "destroy_inside", "destroy with the driver inside", "DestroyInside", "driver's thread has ended"
    ),
    _planted(
        "unbounded_join",
        "join without a time-out",
        "UnboundedJoin",
        "bounded|destroy|end_process",
        expect=_NEVER_RETURNS,
    ),
    _planted(
        "unheard_bootstrap",
        "bootstrap error unheard",
        "UnheardBootstrap",
        "bounded|spawn",
        expect=_NEVER_RETURNS,
    ),
    _planted("pooled_driver", "driver from a thread pool", "PooledDriver", "driven by one|thread has ended"),
    _planted(
        "swallowed_ctrl_c", "shield swallows Ctrl-C", "SwallowsCtrlC", "ends as it is stated", "cancellation"
    ),
)
