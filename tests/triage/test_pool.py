"""Whose choices tries are made with."""

from __future__ import annotations

from soak.events import Kind
from soak.triage.pool import fresh_choices, own_choices
from tests.triage.test_reproduce import finding


def test_a_leak_begins_where_its_worker_began() -> None:
    """Anything else at the iteration that had it."""
    assert own_choices(finding(Kind.CRASH, 41, 30), ()) == ((7, 41),)
    assert own_choices(finding(Kind.LEAK, 41, 30), ()) == ((7, 30),)


def test_fresh_choices_were_never_tried() -> None:
    """The seed's next iterations, in steps of what a try spans."""
    assert fresh_choices(((7, 41), (7, 3), (8, 90)), 1)[:3] == ((7, 42), (7, 43), (7, 44))
    assert fresh_choices(((7, 30),), 5)[:3] == ((7, 31), (7, 36), (7, 41))
