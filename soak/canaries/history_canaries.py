"""The canaries for histories: what no single answer shows."""

from __future__ import annotations

from soak.canaries.canary import Canary
from soak.events import Kind


def _planted(name: str, about: str, target: str) -> Canary:
    return Canary(
        name=name,
        about=about,
        scenario="guard_history",
        target=f"soak.canaries.{target}",
        expect=(Kind.VIOLATION,),
        says="the history of guard is linearizable",
    )


HISTORY: tuple[Canary, ...] = (
    _planted("cached_guard", "guard looks at an old copy", "history:CachedGuard"),
    _planted("impatient_stop", "second stop denies what runs", "history:ImpatientStop"),
    _planted("unordered_starts", "double start, told by its history", "simulation:DoubleStart"),
)
