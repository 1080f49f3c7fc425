"""What is told on the morning after a night. A pure function of the nights and of what was accepted.

Nothing of it is stored: old reports, the history and today's first line follow from the same records.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from soak.findings.course import Course
from soak.findings.memory import Acceptance
from soak.findings.standing import Judged, Standing
from soak.findings.trials import Trials

#: What the first line of a report counts, in its order.
COUNTED = (Standing.NEW, Standing.WORSE, Standing.KNOWN, Standing.GONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """A night, judged: the findings that came, those gone, and those that were only not seen."""

    night: Trials
    judged: tuple[Judged, ...]

    def of(self, finding: str) -> Judged | None:
        """What is said of a finding; None where this night has nothing to say of it."""
        return next((each for each in self.judged if each.finding == finding), None)

    def counted(self, standing: Standing) -> tuple[Judged, ...]:
        """The findings of one standing, without the accepted ones."""
        return tuple(each for each in self.judged if each.standing is standing and not each.accepted)

    @property
    def accepted(self) -> tuple[Judged, ...]:
        """The accepted findings of which this night has something to say."""
        return tuple(each for each in self.judged if each.accepted)

    def headline(self) -> str:
        """``1 NEW, 1 WORSE, 2 KNOWN, 1 GONE``: only what there is; nothing where there is none of all."""
        counts = [(len(self.counted(standing)), standing.name) for standing in COUNTED]
        counts.append((sum(each.came for each in self.accepted), "accepted"))
        return ", ".join(f"{count} {name}" for count, name in counts if count)


def mornings(nights: Iterable[Trials], acceptances: Iterable[Acceptance] = ()) -> list[Morning]:
    """Each night, judged by those before it. ``nights`` come oldest first.

    An acceptance silences the nights that begin after it: what the others said stays said.
    """
    accepted = {acceptance.finding: acceptance for acceptance in acceptances}
    courses: dict[str, Course] = {}
    told = []
    for night in nights:
        for finding, seen in night.seen.items():
            courses.setdefault(finding, Course(seen))
        judged = [each for course in courses.values() if (each := course.take(night))]
        silenced = tuple(_silenced(each, accepted.get(each.finding), night) for each in judged)
        told.append(Morning(night=night, judged=silenced))
    return told


def _silenced(judged: Judged, acceptance: Acceptance | None, night: Trials) -> Judged:
    silent = acceptance is not None and acceptance.when <= night.t
    return dataclasses.replace(judged, accepted=acceptance) if silent else judged
