"""The canaries of ``env_cycles`` and ``env_render``."""

from __future__ import annotations

from soak.canaries.canary import Canary
from soak.events import Kind

_TARGETS = "soak.canaries.environments"


def _planted(
    name: str,
    about: str,
    defect: str,
    expect: tuple[Kind, ...],
    says: str,
    *,
    scenario: str = "env_cycles",
    needs_gl: bool = False,
) -> Canary:
    return Canary(
        name=name,
        about=about,
        scenario=scenario,
        target=f"{_TARGETS}:{defect}",
        expect=expect,
        says=says,
        needs_gl=needs_gl,
    )


ENVIRONMENTS: tuple[Canary, ...] = (
    _planted(
        "shared_world",
        "environments share one data",
        "SharedWorld",
        (Kind.VIOLATION, Kind.CRASH),
        "one thread at a time|seed and its actions|goes back",
    ),
    _planted(
        "shared_noise",
        "environments share one noise",
        "SharedNoise",
        (Kind.VIOLATION,),
        "seed and its actions",
    ),
    _planted("left_open", "one file in three stays open", "LeftOpen", (Kind.LEAK,), "/dev/null"),
    _planted(
        "contexts_kept",
        "GL contexts are kept",
        "ContextsKept",
        (Kind.LEAK,),
        "memory|mappings|heap",
        scenario="env_render",
        needs_gl=True,
    ),
)
