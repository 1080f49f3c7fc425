"""The worker's own memory and resource figures, as a beat records them.

Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PAGE = resource.getpagesize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """See :class:`soak.events.Beat`. Sizes in bytes; 0 where the platform does not tell."""

    rss: int
    heap: int
    blocks: int
    maps: int
    threads: int
    fds: int


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def _find_heap() -> Callable[[], int]:
    """A function that tells the bytes in use by malloc: glibc 2.33 and later, else always 0."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return lambda: 0
    mallinfo2.restype = _Mallinfo2

    def measure() -> int:
        info = mallinfo2()
        return int(info.uordblks + info.hblkhd)

    return measure


class Gauge:
    """Takes the figures of this process."""

    def __init__(self) -> None:
        self._heap = _find_heap()

    def read(self) -> Figures:
        return Figures(
            rss=_read_rss(),
            heap=self._heap(),
            blocks=sys.getallocatedblocks(),
            maps=_count_lines(Path("/proc/self/maps")),
            threads=_count_entries("/proc/self/task"),
            fds=max(0, _count_entries("/proc/self/fd") - 1),  # one of them is the listing's own
        )


def _read_rss() -> int:
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE
    except OSError:
        return 0


def _count_lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except OSError:
        return 0


def _count_entries(folder: str) -> int:
    try:
        return len(os.listdir(folder))  # noqa: PTH208 - names only, and cheap
    except OSError:
        return 0
