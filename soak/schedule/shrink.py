"""Delta debugging of deviations.

After Zeller and Hildebrandt, Simplifying and isolating failure-inducing input, TSE 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from soak.schedule.outcome import Deviation

REPLAYS = 49
"""Replays that shrinking may take; one more confirms what is left."""

Deviations = tuple[Deviation, ...]


def shrink(
    deviations: Deviations,
    fails: Callable[[Deviations], Deviations | None],
    *,
    guesses: Iterable[Deviations] = (),
    replays: int = REPLAYS,
) -> tuple[Deviations, int]:
    """The smallest set found, and the replays it took.

    `fails` replays a set; where the failure comes, it returns the deviations that really took place, which
    may be fewer: keyed by a thread's own step, some lose their moment when others go. `guesses` are subsets
    that are worth trying first.
    """
    spent = 0
    best = deviations

    def attempt(candidate: Deviations) -> bool:
        nonlocal best, spent
        if spent >= replays or len(candidate) >= len(best):
            return False
        spent += 1
        effective = fails(candidate)
        if effective is None or len(effective) >= len(best):
            return False
        best = effective
        return True

    for guess in ((), *guesses):
        attempt(guess)
    size = max(1, len(best) // 2)
    while best and spent < replays:
        before = best
        end = len(best)
        while end > 0 and spent < replays:
            start = max(0, end - size)
            attempt(best[:start] + best[end:])
            end = min(start, len(best))
        if size == 1 and best == before:
            break
        size = max(1, min(size // 2, len(best)))
    return best, spent
