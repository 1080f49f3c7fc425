"""What a canary is, and whether the harness smelled it. Imports no target."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass

from soak.events import Kind, Sighted


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A planted defect, where it is, and as what it must be found.

    ``scenario`` is a built-in scenario's name or the path of a file; ``target`` an import string, or "" for
    the scenario's own. Any kind of ``expect`` is right, if ``says`` (a regular expression, "" for anything)
    is found in the sighting's words or frames: one race may show as a broken promise and as a crash. The rest
    is what the run is told: ``hang_after`` in seconds, or None for the scenario's own.
    """

    name: str
    about: str
    scenario: str
    target: str = ""
    expect: tuple[Kind, ...]
    says: str = ""
    perturb: str = "light"
    hang_after: float | None = None
    guard_malloc: bool = False
    needs_gl: bool = False

    @property
    def expected(self) -> str:
        """What must be found, in words: ``crash or exit``."""
        return " or ".join(kind.value for kind in self.expect)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPair:
    """A scenario and a target (or "", its own) on which nothing at all may be found."""

    scenario: str
    target: str = ""
    needs_gl: bool = False


class Smelled(enum.Enum):
    """How the harness's nose did on one try."""

    RIGHT = "found"
    WRONG = "found as something else"
    NOTHING = "not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryOutcome:
    """One try of one canary: ``found`` in words, and after how many ``seconds`` (None where nothing was)."""

    canary: str
    smelled: Smelled
    found: str
    seconds: float | None

    @property
    def ok(self) -> bool:
        return self.smelled is Smelled.RIGHT


def judge(canary: Canary, sightings: Sequence[Sighted], *, started: float = 0.0) -> CanaryOutcome:
    """Whether one of ``sightings``, of a run that began at ``started`` (Unix seconds), is this canary.

    A fault of the harness beside the right finding is still a failure: the nose bleeds.
    """
    right = [sighting for sighting in sightings if is_right(canary, sighting)]
    faults = [sighting for sighting in sightings if _is_unwanted_fault(canary, sighting)]
    told = (faults or right or list(sightings))[:1]
    if not told:
        return CanaryOutcome(canary=canary.name, smelled=Smelled.NOTHING, found="nothing", seconds=None)
    return CanaryOutcome(
        canary=canary.name,
        smelled=Smelled.RIGHT if right and not faults else Smelled.WRONG,
        found=f"{told[0].kind.value}: {told[0].title}",
        seconds=max(told[0].t - started, 0.0),
    )


def is_right(canary: Canary, sighting: Sighted) -> bool:
    """Whether this sighting is of an expected kind and says what it must."""
    return sighting.kind in canary.expect and re.search(canary.says, words_of(sighting)) is not None


def words_of(sighting: Sighted) -> str:
    """What a sighting says, frames included, one thing per line."""
    return "\n".join(
        (
            sighting.title,
            sighting.promise,
            sighting.detail,
            *sighting.doing,
            *(f"{frame.function} ({frame.file})" for frame in sighting.frames),
        )
    )


def _is_unwanted_fault(canary: Canary, sighting: Sighted) -> bool:
    return sighting.kind is Kind.HARNESS and Kind.HARNESS not in canary.expect
