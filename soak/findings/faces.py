"""The findings of a store as faces to be compared: their stacks, and the iterations that are kept of them."""

from __future__ import annotations

import contextlib
from pathlib import Path

from soak.findings import occurrence
from soak.findings.finding import Finding
from soak.findings.likeness import Face, Likely, Moment, places_of, probably_same
from soak.findings.signature import target_in
from soak.findings.store import Store


def relatives(store: Store, findings: list[Finding]) -> dict[str, tuple[Likely, ...]]:
    """What is probably the same as each of ``findings``, by the finding's id, among all in the store."""
    everyone = [face_of(store, finding) for finding in store.all()]
    asked = {finding.id for finding in findings}
    return {face.finding: probably_same(face, everyone) for face in everyone if face.finding in asked}


def face_of(store: Store, finding: Finding) -> Face:
    """A finding as it is compared: the stack of its newest occurrence, the moments of all that are kept."""
    moments = (_moment(folder) for folder in store.occurrences(finding.id))
    return Face(
        finding=finding.id,
        kind=finding.kind,
        target=target_in(finding.parts),
        places=places_of(finding.frames),
        moments=frozenset(moment for moment in moments if moment),
    )


def _moment(folder: Path) -> Moment | None:
    # What a vanished or damaged occurrence would have said is missing here, and nothing else.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = occurrence.read(folder)
        return found.context.run, found.sighted.worker, found.sighted.iteration
    return None
