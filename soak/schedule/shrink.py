"""Delta debugging of deviations.

After Zeller and Hildebrandt, Simplifying and isolating failure-inducing input, TSE 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from soak.schedule.outcome import Deviation

REPLAYS = 49
"""Replays that shrinking may take; one more confirms what is left."""

Deviations = tuple[Deviation, ...]


def size_of(deviations: Deviations) -> tuple[int, int]:
    """Preemptions, which take a thread's turn away at one of its points, and deviations in all."""
    return sum(step > 0 for _, step, _ in deviations), len(deviations)


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
        if effective is None or size_of(effective) >= size_of(best):
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
    while spent < replays and _any_group(best, attempt):
        pass
    return best, spent


def _any_group(best: Deviations, attempt: Callable[[Deviations], bool]) -> bool:
    """Some at once: a switch away and the switch back are needed together or not at all."""
    for width in (2, 3, 4):
        for start in range(len(best) - width + 1):
            if attempt(best[:start] + best[start + width :]):
                return True
    for distance in range(2, len(best)):
        for start in range(len(best) - distance):
            if attempt(tuple(one for n, one in enumerate(best) if n not in (start, start + distance))):
                return True
    return False
