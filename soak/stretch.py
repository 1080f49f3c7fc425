"""How much longer than asked a native call stays away, so that others meet it: a hook of heavy noise.

A call such as ``mj_step(m, d, nstep=1)`` is over before anybody else gets the interpreter's lock. With a
larger count it does the same work again and again without the lock, in the same objects: the window is wider.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable

Draw = Callable[[], int]
_draw: Draw | None = None


def stretch_by(draw: Draw | None) -> None:
    """From now on a call that can repeat itself does so ``draw()`` times as often; as asked with None."""
    global _draw
    _draw = draw


def stretched(count: int) -> int:
    """How often a call that was asked to do its work ``count`` times does it."""
    draw = _draw
    return count if draw is None else count * draw()
