"""Which transitions the calls of a run met: what the `sometimes` of the form "a call met …" counted."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MET = re.compile(r"an? (?P<call>[\w -]+?) (?:met|came right after) (?:an? |the )?(?P<edge>.+)")
#: How scenarios that race a policy's transitions name them, and the word for each.
_WORDS = (
    ("start of a policy", "start"),
    ("stop of a policy", "stop"),
    ("end of a policy that ran out", "finish"),
    ("end of a policy that raised", "fail"),
)


def edges(sometimes: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """How often which call met which transition: ``{"mutation": {"start": 31, "stop": 4, …}}``."""
    met: dict[str, dict[str, int]] = {}
    for text, count in sometimes.items():
        found = _MET.fullmatch(text)
        if found:
            edge = next((word for words, word in _WORDS if found["edge"] == words), found["edge"])
            met.setdefault(found["call"], {})[edge] = count
    return met


def say_edges(sometimes: Mapping[str, int]) -> list[str]:
    """``mutation met: start 31×, stop 4×, finish 0×``, one line for each call."""
    return [
        f"{call} met: " + ", ".join(f"{edge} {count}×" for edge, count in counts.items())
        for call, counts in edges(sometimes).items()
    ]
