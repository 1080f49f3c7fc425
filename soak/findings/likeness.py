"""Which findings are probably faces of one root cause: said, never merged.

A race shows as a broken promise here and as an exception there. Two things speak for one cause: stacks that
are alike, as their longest common subsequence says, and sightings in one and the same iteration of a worker,
whose first finding is its last. The longest common subsequence of stacks is M. Brodie's and others' ("Quickly
Finding Known Software Problems via Automated Symptom Matching", ICAC 2005); that crash reports of one cause
are found by the likeness of their stacks is measured in Y. Dang's and others' ReBucket (ICSE 2012). What the
threshold does on soak's own canaries stands in benchmarks/README.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from soak.detect.frames import place, telling
from soak.events import Frame, Kind

#: Stacks with this much in common are alike.
ALIKE = 0.5
#: Findings that were sighted in one iteration in this share of the rarer one's sightings belong together.
TOGETHER = 1 / 3
#: What is soak's own fault, or the machine's, is no face of a target's.
_FACELESS = (Kind.HARNESS, Kind.INFRA)

#: An iteration of a worker of a run.
Moment = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What is compared of a finding: its ``places``, innermost first, and some of the ``moments`` in which it
    was sighted."""

    finding: str
    kind: Kind
    target: str
    places: tuple[str, ...]
    moments: frozenset[Moment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """Another finding that is probably the same: ``alike`` in 0 to 1, and ``together`` in one iteration
    ``together`` of ``times``, the rarer one's known sightings."""

    finding: str
    alike: float
    together: int
    times: int

    def in_words(self) -> str:
        """``probably the same as error-1234abcd (stacks 0.67 alike, in one iteration 3 of 4 times)``."""
        reasons = []
        if self.alike >= ALIKE:
            reasons.append(f"stacks {self.alike:.2f} alike")
        if self.together:
            reasons.append(f"in one iteration {self.together} of {self.times} times")
        return f"probably the same as {self.finding} ({', '.join(reasons)})"


def places_of(frames: Iterable[Frame]) -> tuple[str, ...]:
    """A stack as it is compared: the telling places, innermost first, a recursion told once."""
    words = [place(frame) for frame in telling(frames)]
    return tuple(word for number, word in enumerate(words) if number == 0 or word != words[number - 1])


def alike(one: Sequence[str], other: Sequence[str]) -> float:
    """How alike two stacks are: twice their longest common subsequence over both lengths; 0 for none."""
    if not one or not other:
        return 0.0
    return 2 * _longest_common(one, other) / (len(one) + len(other))


def stacks_alike(one: Face, other: Face) -> float:
    """How alike the stacks of two findings are. Of two broken promises they say nothing: each was noticed
    where its author looks, and two promises that are stated in one function are two."""
    if one.kind is other.kind is Kind.VIOLATION:
        return 0.0
    return alike(one.places, other.places)


def probably_same(face: Face, others: Iterable[Face]) -> tuple[Likely, ...]:
    """The findings of ``others`` that probably have one root cause with ``face``, the likeliest first."""
    found = [
        _compare(face, other)
        for other in others
        if other.finding != face.finding
        and other.target == face.target
        and not {face.kind, other.kind} & set(_FACELESS)
    ]
    likely = [each for each in found if each.alike >= ALIKE or each.together]
    return tuple(sorted(likely, key=lambda each: (-max(each.alike, _share(each)), each.finding)))


def families(faces: Sequence[Face]) -> list[set[str]]:
    """The findings grouped by what is probably the same, and what is probably the same as that."""
    groups: list[set[str]] = []
    for face in faces:
        near = {face.finding, *(each.finding for each in probably_same(face, faces))}
        touched = [group for group in groups if group & near]
        groups = [group for group in groups if not group & near]
        groups.append(near.union(*touched))
    return groups


def _compare(face: Face, other: Face) -> Likely:
    together = len(face.moments & other.moments)
    times = min(len(face.moments), len(other.moments))
    return Likely(
        finding=other.finding,
        alike=stacks_alike(face, other),
        together=together if times and together / times >= TOGETHER else 0,
        times=times,
    )


def _share(likely: Likely) -> float:
    return likely.together / likely.times if likely.times else 0.0


def _longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    before = [0] * (len(other) + 1)
    for word in one:
        row = [0]
        for at, there in enumerate(other):
            row.append(before[at] + 1 if word == there else max(before[at + 1], row[at]))
        before = row
    return before[-1]
