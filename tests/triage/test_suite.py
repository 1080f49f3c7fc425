"""Which scenarios ran before a finding, by the run's stream."""

from __future__ import annotations

from soak.events import RunStarted, WorkerStarted
from soak.triage.suite import suite_of
from tests.detect.samples import sample


def test_what_was_begun_last_stands_last() -> None:
    """The finding's own scenario, and what began after the finding, are no part of it."""
    names = [("a", 1.0), ("b", 2.0), ("mine", 3.0), ("a", 4.0), ("c", 9.0)]
    events = [sample(WorkerStarted, t=t, scenario=name) for name, t in names]
    suite = suite_of([sample(RunStarted, argv=("run", "x.py")), None, *events], "mine", 5.0)
    assert (suite.before, suite.words) == (("b", "a"), ("run", "x.py"))
