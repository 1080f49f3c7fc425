"""Delta debugging: the fewest items of a list that still do.

A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE Transactions on
Software Engineering 28 (2), 2002: subsets first, then complements, then finer parts. The result is 1-minimal
as far as ``holds`` can be believed: no single item can be left out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def ddmin(items: Sequence[T], holds: Callable[[tuple[T, ...]], bool]) -> tuple[T, ...]:
    """The smallest part of ``items``, in their order, that was found to hold; they do as a whole.

    Nothing at all is tried first: often that is the answer.
    """
    kept = tuple(items)
    if kept and holds(()):
        return ()
    count = 2
    while len(kept) > 1:
        parts = _parts(kept, count)
        part = next((part for part in parts if holds(part)), None)
        if part is not None:
            kept, count = part, 2
            continue
        rests = [tuple(item for item in kept if item not in part) for part in parts] if count > 2 else []
        rest = next((rest for rest in rests if holds(rest)), None)
        if rest is not None:
            kept, count = rest, max(count - 1, 2)
        elif count < len(kept):
            count = min(2 * count, len(kept))
        else:
            break
    return kept


def _parts(items: tuple[T, ...], count: int) -> list[tuple[T, ...]]:
    bounds = [round(len(items) * number / count) for number in range(count + 1)]
    return [items[low:high] for low, high in pairwise(bounds)]
