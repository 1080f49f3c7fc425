"""What one contender's search for one kernel's bug came to, from one seed. A JSON line of a child."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """``schedules`` executions ran in ``seconds``, the last of which showed the bug where ``found`` says how.

    Where nothing was found, ``ended`` tells whether the contender gave up by itself: it had no more to try,
    or met its limit of schedules. Else its time was over. ``token`` replays the find in a fresh process;
    ``replayed`` of ``replays`` replays within this one brought it back. ``shrunk`` counts the preemptions
    that are left, ``switches`` those where a thread blocked or ended as well, ``shrinks`` the replays that
    shrinking took, in ``shrinking`` seconds that ``seconds`` does not count. ``stuck``: threads are left
    behind, this process is of no more use.
    """

    kernel: str
    contender: str
    seed: int
    schedules: int
    seconds: float
    found: str | None = None
    ended: bool = True
    token: str | None = None
    replays: int = 0
    replayed: int = 0
    shrunk: int | None = None
    switches: int | None = None
    shrinks: int | None = None
    shrinking: float | None = None
    stuck: bool = False
    note: str = ""
