"""An overlap of native calls, confirmed: tries in which the two do meet, until a process dies of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from soak.supervisor.exploration import Explored

TRIES = 10
HANG_AFTER = 20.0
"""Seconds in which one try has ended: it is a single schedule."""
#: After so many in which the two did not meet, they never will: the call is too short, or no native one.
_IN_VAIN = 4
#: No call of one's own ends with it.
_FROM_OUTSIDE = "SIGKILL"
#: Seconds into its call, at most, until a thread is stopped: another moment in each try.
_LATEST = 300e-6
#: How often a call that can repeat its work does it: a step takes 5 µs of a small model, or a millisecond.
_TIMES = (50, 1000)

Child = Callable[[Mapping[str, Any]], Explored]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """In how many of the ``tries`` the two calls ``met``, and the ``death`` that the last of them was; or
    why no thread can be stopped here."""

    tries: int
    met: int
    death: str
    missing: str

    def in_words(self) -> str:
        """One line."""
        if self.death:
            return (
                f"confirmed: one thread was stopped in its call, the other made its own, and the process "
                f"ended with {self.death}, in try {self.tries}"
            )
        if self.missing:
            return f"not confirmed by a crash: {self.missing}"
        return (
            f"not confirmed by a crash: nothing died in {self.tries} tries, in {self.met} of which the two "
            "calls did meet; what they do then is undefined all the same"
        )


def confirm(child: Child, token: str, tries: int = TRIES) -> Confirmation:
    """Have ``child`` replay ``token``, each time with its two calls meeting at another moment, until it dies;
    now the first is stopped, now the second.

    ``child`` adds what its process is told of the scenario or function.
    """
    rng = random.Random(token)
    met = 0
    for number in range(1, tries + 1):
        times = _TIMES[(number - 1) // 2 % 2]
        freeze = {"delay": rng.uniform(0.0, _LATEST), "times": times, "stop_second": number % 2 == 0}
        try:
            explored = child({"token": token, "freeze": freeze})
        except KeyboardInterrupt:  # what was found before is worth more than this, and is told
            return Confirmation(tries=number - 1, met=met, death="", missing="interrupted")
        met += bool(explored.met)
        missing = (explored.record or {}).get("missing", "")
        if missing or (explored.met and explored.death not in ("", _FROM_OUTSIDE)):
            return Confirmation(tries=number, met=met, death=explored.death, missing=missing)
        if not met and number == _IN_VAIN:
            missing = f"in {number} tries neither call could be stopped before it was over"
            return Confirmation(tries=number, met=0, death="", missing=missing)
    return Confirmation(tries=tries, met=met, death="", missing="")
