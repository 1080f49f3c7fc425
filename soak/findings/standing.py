"""What a night says of one finding: new, worse, known, gone, or only unseen."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from soak.events import Kind
from soak.findings.memory import Acceptance
from soak.findings.trials import Place, Tally


class Standing(enum.Enum):
    """What a finding is to a night. ``unseen``: it did not come, and that may be chance."""

    NEW = "new"
    WORSE = "worse"
    KNOWN = "known"
    GONE = "gone"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One finding in one night.

    ``now`` is this night's tally in the finding's ``places``; ``recent`` that of the last ``recent_nights``,
    this one included, which are compared with ``before``, the pooled one of ``nights`` earlier nights;
    ``quiet`` that of the nights since it was last seen. ``p`` is the chance of what was seen if nothing had
    changed, None where nothing could be compared. ``returned``: it had been gone, and ``before`` is the time
    of its absence.
    """

    finding: str
    kind: Kind
    title: str
    standing: Standing
    places: tuple[Place, ...]
    now: Tally
    recent: Tally
    recent_nights: int
    before: Tally
    nights: int
    quiet: Tally
    p: float | None = None
    timed: bool = False
    returned: bool = False
    accepted: Acceptance | None = None

    @property
    def came(self) -> bool:
        """Whether it was seen in this night."""
        return self.standing not in (Standing.GONE, Standing.UNSEEN)

    @property
    def stale(self) -> bool:
        """Whether it was accepted and is gone: what the acceptance still silences is its return."""
        return self.accepted is not None and self.standing is Standing.GONE
