"""The canaries for the scenarios and oracles: the simulation with one planted defect in each."""

from __future__ import annotations

from pathlib import Path

from soak.canaries.canary import Canary
from soak.events import Kind

_TARGETS = "soak.canaries.simulation"
#: A scenario of short lives, for what adds up slowly.
LIFECYCLE = str(Path(__file__).parent / "lifecycle.py")

#: An unguarded race breaks a promise, mostly. Or a caller meets a half-changed scene and raises; or, where
#: the oracles are not in time, the process dies.
_RACE = (Kind.VIOLATION, Kind.ERROR, Kind.CRASH, Kind.EXIT)


def _planted(
    name: str,
    about: str,
    scenario: str,
    defect: str,
    expect: tuple[Kind, ...],
    says: str = "",
    *,
    hang_after: float | None = None,
    needs_gl: bool = False,
) -> Canary:
    return Canary(
        name=name,
        about=about,
        scenario=scenario,
        target=f"{_TARGETS}:{defect}",
        expect=expect,
        says=says,
        hang_after=hang_after,
        needs_gl=needs_gl,
    )


SIMULATION: tuple[Canary, ...] = (
    _planted("no_guard", "no guard", "mutation_storm", "NoGuard", _RACE),
    _planted("guard_then_act", "guard and act in two steps", "mutation_storm", "GuardThenAct", _RACE),
    _planted("registered_late", "future registered after submit", "start_stop", "RegisteredLate", _RACE),
    _planted(
        "blind_to_blocking", "guard blind to blocking policies", "mutation_storm", "BlindToBlocking", _RACE
    ),
    _planted("lost_stop", "stop lost right after the start", "start_stop", "LostStop", (Kind.VIOLATION,)),
    _planted("early_answer", "stop answers early", "start_stop", "EarlyAnswer", (Kind.VIOLATION,)),
    _planted("double_start", "double start accepted", "start_stop", "DoubleStart", (Kind.VIOLATION,)),
    _planted("close_without_join", "close joins nobody", "close_while_running", "CloseWithoutJoin", _RACE),
    _planted("swap_in_two_steps", "model, then data", "mutation_storm", "SwapInTwoSteps", _RACE),
    _planted(
        "removal_deadlock",
        "removal joins with the lock held",
        "mutation_storm",
        "RemovalDeadlock",
        (Kind.HANG,),
        hang_after=2.0,
    ),
    _planted(
        "stale_after_raise",
        "stale guard after a failure",
        "mutate_after_done",
        "StaleAfterRaise",
        (Kind.VIOLATION,),
    ),
    _planted(
        "leaked_thread", "one thread per ten lives", LIFECYCLE, "LeakedThread", (Kind.LEAK,), "leaked-watcher"
    ),
    _planted(
        "leaked_descriptor",
        "one descriptor per ten lives",
        LIFECYCLE,
        "LeakedDescriptor",
        (Kind.LEAK,),
        "/dev/null",
    ),
    _planted(
        "leaked_memory", "100 kB per ten lives", LIFECYCLE, "LeakedMemory", (Kind.LEAK,), "heap|resident"
    ),
    _planted(
        "renderer_closed_elsewhere",
        "renderer closed by another thread",
        "render_storm",
        "RendererClosedElsewhere",
        _RACE,
        needs_gl=True,
    ),
    _planted(
        "renderers_never_closed",
        "renderers never closed",
        "render_storm",
        "RenderersNeverClosed",
        (Kind.LEAK,),
        "memory|mappings",
        needs_gl=True,
    ),
)
