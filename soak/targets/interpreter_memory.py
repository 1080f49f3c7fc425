"""What CPython keeps of every interpreter that is destroyed, by the slope over some cycles.

Standard library only.
"""

from __future__ import annotations

import resource
import statistics
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from soak.author import Refused
from soak.targets.interpreters import KEPT_BYTES

if TYPE_CHECKING:
    from soak.targets.interpreter_host import InterpreterHost

#: Cycles that fill caches and arenas before anything is measured.
WARM_UP = 4
#: Bytes per cycle that a measurement over ten cycles may err by.
MARGIN_BYTES = 400_000
_PAGE = resource.getpagesize()


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE


def kept_per_cycle(host: InterpreterHost, script: str, cycles: int = 10) -> float:
    """Bytes per create, exec and destroy: the Theil–Sen slope of resident memory over ``cycles``."""
    sizes = []
    for _ in range(WARM_UP + cycles):
        guest = host.spawn(script)
        if isinstance(guest, Refused):
            raise RuntimeError(str(guest))
        host.destroy(guest)
        sizes.append(resident_bytes())
    points = list(enumerate(sizes[WARM_UP:]))
    return statistics.median((b - a) / (j - i) for (i, a), (j, b) in combinations(points, 2))


def most_kept(*, own_gil: bool) -> float:
    """More bytes per cycle than this are the host's, not the known limit of this CPython."""
    return 1.5 * KEPT_BYTES[own_gil] + MARGIN_BYTES
