"""The canaries of ``interpreter_teardown`` and ``cancellation``: one planted defect in each."""

from __future__ import annotations

from soak.canaries.canary import Canary
from soak.events import Kind

_TARGETS = "soak.canaries.interpreters"
_BOUNDED = "in bounded time"


def _planted(name: str, about: str, defect: str, says: str, scenario: str = "interpreter_teardown") -> Canary:
    return Canary(
        name=name,
        about=about,
        scenario=scenario,
        target=f"{_TARGETS}:{defect}",
        expect=(Kind.VIOLATION,),
        says=says,
    )


INTERPRETERS: tuple[Canary, ...] = (
    _planted(
        "destroy_inside", "destroy with the driver inside", "DestroyInside", "driver's thread has ended"
    ),
    _planted("unbounded_join", "join without a time-out", "UnboundedJoin", _BOUNDED),
    _planted("unheard_bootstrap", "bootstrap error unheard", "UnheardBootstrap", _BOUNDED),
    _planted("pooled_driver", "driver from a thread pool", "PooledDriver", "driven by one|thread has ended"),
    _planted(
        "swallowed_ctrl_c", "shield swallows Ctrl-C", "SwallowsCtrlC", "ends as it is stated", "cancellation"
    ),
)
