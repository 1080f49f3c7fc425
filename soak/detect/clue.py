"""What a detector says of an event, before the detective numbers it."""

from __future__ import annotations

from dataclasses import dataclass, field

from soak.detect.growth import Growth
from soak.events import Blocked, Frame, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """One recognised problem. The fields mean what they mean in :class:`soak.events.Sighted`.

    ``promise`` is what names the problem apart from its frames: the promise of a violation, what leaked, the
    operation of a hang, the hog of a starvation, the type of an error, the library's last line of an exit.
    """

    kind: Kind
    title: str
    iteration: int
    promise: str = ""
    detail: str = ""
    frames: tuple[Frame, ...] = ()
    doing: tuple[str, ...] = ()
    signal: int = 0
    tainted: bool = False
    shutdown: bool = False
    operation: str = ""
    blocked: tuple[Blocked, ...] = ()
    guarantee: str = ""


@dataclass(slots=True, kw_only=True)
class Watched:
    """What the detectors remember of one worker while it lives: a bounded amount."""

    scenario: str
    first_iteration: int
    iteration: int
    target: str = ""
    hang_sighted: bool = False
    unusable: bool = False
    growth: Growth = field(default_factory=Growth)
