"""Which transitions the calls of a run met: what the `sometimes` of the form "a call met …" counted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from soak.detect.words import amount

_MET = re.compile(r"an? (?P<call>[\w -]+?) (?P<how>met|came right after) (?:an? |the )?(?P<edge>.+)")
#: How scenarios that race a policy's transitions name them, and the word for each.
_WORDS = {
    "start of a policy": "start",
    "stop of a policy": "stop",
    "end of a policy that ran out": "finish",
    "end of a policy that raised": "fail",
    "policy ran out of steps": "finish (steps)",
    "policy ran out of seconds": "finish (seconds)",
    "policy raised": "fail",
    "policy was stopped": "stop",
}


def edges(sometimes: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """How often which call met which transition: ``{"mutation met": {"start": 31, "stop": 4, …}}``."""
    met: dict[str, dict[str, int]] = {}
    for text, count in sometimes.items():
        found = _MET.fullmatch(text)
        if found:
            how = f"{found['call']} {found['how'].removeprefix('came ')}"
            met.setdefault(how, {})[_WORDS.get(found["edge"], found["edge"])] = count
    return met


def say_edges(sometimes: Mapping[str, int]) -> list[str]:
    """``mutation met: start 31×, stop 4×, finish 0×``, one line for each call."""
    return [
        f"{how}: " + ", ".join(f"{edge} {amount(count)}×" for edge, count in counts.items())
        for how, counts in edges(sometimes).items()
    ]
