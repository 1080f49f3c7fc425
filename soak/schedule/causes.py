"""Why two runs of one schedule differ: where they part, and what on the lines before could have decided."""

from __future__ import annotations

import re
from collections.abc import Iterable

from soak.schedule.places import Place, Trail

SUSPECTS = {
    r"\buuid|\burandom|\bsecrets\b|SystemRandom": "randomness of the operating system",
    r"\brandom\b|\brng\b|\.rand\w+\(|\.choice\(|\.shuffle\(": "a random generator without a seed",
    r"\bdatetime\b|\bperf_counter|\bmonotonic|\btime\b": "the real time",
    r"\bset\(|\bfrozenset\(|\{[^:}]+\}": "the order of a set, which follows ids or the hash seed",
    r"\bid\(|\bhash\(": "ids and hashes, which differ from run to run",
    r"\bweakref\b|__del__|\bgc\b|\bfinalize\b": "a finaliser that the collector runs when it likes",
    r"\bcache|\blru_cache|\bglobal\b": "a cache that an earlier schedule warmed",
    r"\bsocket\b|\bopen\(|\bread\(|\bPath\(|\bos\.": "the world outside the process",
}
LOOK_BACK = 8
"""Lines of the thread before the parting that are looked at."""


def difference(one: Trail, other: Trail) -> str:
    """Where two traces part, in words, with a guess."""
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if _key(a) != _key(b)), None)
    if at is None:
        at = min(len(one), len(other))
    before = [place for _, place in one[max(0, at - LOOK_BACK) : at] if not isinstance(place, str)]
    here = [place for _, place in (*one[at : at + 1], *other[at : at + 1]) if not isinstance(place, str)]
    where = f"at step {at + 1}" + (f", after {before[-1]}" if before else "")
    guesses = suspects(place.source for place in reversed([*before, *here]))
    cause = f"; look at {' and '.join(guesses)}" if guesses else ""
    return f"the schedule did not repeat: two replays part {where}{cause}"


def suspects(lines: Iterable[str]) -> list[str]:
    """What in the source lines is known to differ from run to run."""
    found: list[str] = []
    for line in lines:
        for pattern, words in SUSPECTS.items():
            if re.search(pattern, line) and words not in found:
                found.append(words)
    return found


def _key(step: tuple[int, Place | str]) -> tuple[int, str]:
    task, place = step
    return task, place if isinstance(place, str) else place.key
