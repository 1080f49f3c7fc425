"""Findings of a store are compared by their stacks and by the iterations that are kept of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.events import Kind, Sighted
from soak.findings import Store
from soak.findings.faces import face_of, relatives
from tests.detect.samples import POLICY, STEP, STORM, sample
from tests.findings.test_store import CONTEXT


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def file(store: Store, **changes: object) -> str:
    return store.file(sample(Sighted, evidence=(), **changes), Path("nowhere"), CONTEXT).finding


def test_a_stored_finding_has_a_face(store: Store) -> None:
    """Its target, its stack, and where its occurrences came up."""
    for iteration in (3, 7):
        name = file(store, target="arm:Arm", iteration=iteration, worker=2)
    face = face_of(store, store.find(name))
    assert (face.finding, face.kind, face.target) == (name, Kind.CRASH, "arm:Arm")
    assert face.places == ("step (arm/engine.py)", "run_policy (arm/policy.py)")
    assert face.moments == {(CONTEXT.run, 2, 3), (CONTEXT.run, 2, 7)}


def test_an_older_finding_has_no_target(store: Store) -> None:
    """What an older soak filed has names without a target, and is compared with its like."""
    assert face_of(store, store.find(file(store))).target == ""


def test_relatives(store: Store) -> None:
    """A crash and an error from one stack are related; a promise that broke in the same iteration is, too."""
    crash = file(store, iteration=1)
    error = file(store, kind=Kind.ERROR, promise="ValueError", frames=(STEP, POLICY), iteration=2)
    broken = file(store, kind=Kind.VIOLATION, promise="p", frames=(STORM,), iteration=2)
    found = relatives(store, [store.find(error)])
    assert {each.finding for each in found[error]} == {crash, broken}
    assert list(found) == [error]


def test_a_damaged_occurrence_only_says_less(store: Store) -> None:
    """A sighting that cannot be read has no moment; the finding is compared all the same."""
    name = file(store)
    (folder,) = store.occurrences(name)
    (folder / "sighting.json").write_text("{")
    assert face_of(store, store.find(name)).moments == frozenset()
