"""So much time for a command, and who may have how much of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Budget:
    """So many ``seconds`` from now on; ``clock`` is monotonic."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def left(self, share: float = 1.0) -> float:
        """What is left of this share of it, counted from the beginning."""
        return share * self.seconds - (self.clock() - self._began)
