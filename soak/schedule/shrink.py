"""Delta debugging of deviations (Zeller, Hildebrandt, Simplifying and isolating failure-inducing input, TSE
2002).
"""

from __future__ import annotations

from collections.abc import Callable

from soak.schedule.conductor import Deviation

REPLAYS = 50


def shrink(
    deviations: tuple[Deviation, ...],
    fails: Callable[[tuple[Deviation, ...]], tuple[Deviation, ...] | None],
    *,
    replays: int = REPLAYS,
) -> tuple[tuple[Deviation, ...], int]:
    """The smallest set found, and the replays it took.

    `fails` replays a set; where the failure comes, it returns the deviations that really took place, which
    may be fewer: keyed by a thread's own step, some lose their moment when others go.
    """
    best, spent, pieces = deviations, 0, 1
    while best and spent < replays:
        size = max(1, -(-len(best) // pieces))
        for start in range(0, len(best), size):
            if spent >= replays:
                return best, spent
            candidate = best[:start] + best[start + size :]
            spent += 1
            effective = fails(candidate)
            if effective is not None and len(effective) < len(best):
                best = effective
                pieces = max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(best))
    return best, spent
