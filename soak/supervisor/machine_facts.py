"""One thing that this machine can or cannot do, as a probe found it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """``found`` is what is there, in words; ``remedy`` what would help where it is not ``ok``, else "".

    ``required``: without it soak cannot run here at all; else it runs and finds or explains less.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
    required: bool = False
