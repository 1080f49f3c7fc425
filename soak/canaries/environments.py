"""An environment with one defect planted in each."""

from __future__ import annotations

import itertools
import os
import random
from typing import Any, ClassVar

from soak.targets.mjcf import Mjcf


class SharedWorld(Mjcf):
    """All environments of a process step the data of the first."""

    _first: ClassVar[list[tuple[Any, Any]]] = []

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)
        if not self._first:
            self._first.append((self.model, self.data))
        self.model, self.data = self._first[0]


class SharedNoise(Mjcf):
    """What disturbs an environment comes from a generator that all of them share."""

    _noise: ClassVar[random.Random] = random.Random(1)

    def reset(self, seed: int) -> Any:
        super().reset(seed)
        self.data.qpos[0] += self._noise.uniform(-0.01, 0.01)
        return self.data.qpos.copy()


class LeftOpen(Mjcf):
    """Each environment opens a file, and only two of three close theirs."""

    _made: ClassVar[Any] = itertools.count()

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)
        self._log = os.open(os.devnull, os.O_RDONLY)
        self._forgets = next(self._made) % 3 == 2

    def close(self) -> None:
        super().close()
        if not self._forgets:
            os.close(self._log)


class ContextsKept(Mjcf):
    """Renderers are kept in a list that nobody empties: their GL contexts stay."""

    _kept: ClassVar[list[Any]] = []

    def __init__(self, **arguments: str) -> None:
        super().__init__(**{**arguments, "render": "yes"})

    def close(self) -> None:
        self._kept.append(self._renderer)

    @classmethod
    def soak_verbs(cls, **arguments: Any) -> dict[str, str]:
        """It renders without being asked."""
        return super().soak_verbs(**{**arguments, "render": "yes"})
