"""Delta debugging of deviations, or of whatever else a schedule is written down as.

After Zeller and Hildebrandt, Simplifying and isolating failure-inducing input, TSE 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from soak.schedule.outcome import Deviation

REPLAYS = 49
"""Replays that shrinking may take; one more confirms what is left."""

Deviations = tuple[Deviation, ...]
Part = TypeVar("Part")
Parts = tuple[Part, ...]


def size_of(deviations: Deviations) -> tuple[int, int]:
    """Preemptions, which take a thread's turn away at one of its points, and deviations in all."""
    return sum(step > 0 for _, step, _ in deviations), len(deviations)


def shrink(
    parts: Parts[Part],
    fails: Callable[[Parts[Part]], Parts[Part] | None],
    *,
    guesses: Iterable[Parts[Part]] = (),
    replays: int = REPLAYS,
    size: Callable[[Parts[Part]], Any] = len,
) -> tuple[Parts[Part], int]:
    """The smallest set found, and the replays it took.

    `fails` replays a set; where the failure comes, it returns the parts that really took place, which
    may be fewer: keyed by a thread's own step, some deviations lose their moment when others go. `guesses`
    are subsets that are worth trying first.
    """
    spent = 0
    best = parts

    def attempt(candidate: Parts[Part]) -> bool:
        nonlocal best, spent
        if spent >= replays or len(candidate) >= len(best):
            return False
        spent += 1
        effective = fails(candidate)
        if effective is None or size(effective) >= size(best):
            return False
        best = effective
        return True

    for guess in guesses:
        attempt(guess)
    width = max(1, len(best) // 2)
    while best and spent < replays:
        before = best
        end = len(best)
        while end > 0 and spent < replays:
            start = max(0, end - width)
            attempt(best[:start] + best[end:])
            end = min(start, len(best))
        if width == 1 and best == before:
            break
        width = max(1, min(width // 2, len(best)))
    while spent < replays and _any_group(best, attempt):
        pass
    return best, spent


def _any_group(best: Parts[Part], attempt: Callable[[Parts[Part]], bool]) -> bool:
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
