"""What a call met."""

from __future__ import annotations

from soak.targets.edges import Edges


def test_what_is_over_is_not_met() -> None:
    """A transition that had ended before the call began is none of it."""
    edges = Edges()
    edges.begin("start", "left")
    edges.end("start", "left")
    assert edges.met(edges.over()) == frozenset()


def test_what_goes_on_is_met() -> None:
    """A transition that began before the call and had not ended is met, under both of its names."""
    edges = Edges()
    edges.begin("stop", "right")
    over = edges.over()
    edges.end("stop", "right")
    assert edges.met(over) == {"stop", "stop right"}


def test_what_comes_and_goes_during_the_call_is_met() -> None:
    """A transition within the call is met, an instant one too."""
    edges = Edges()
    edges.passed("ran out", "left")
    over = edges.over()
    edges.passed("raised", "left")
    assert edges.met(over) == {"raised", "raised left"}


def test_ones_own_transition_alone_is_not_contended() -> None:
    """Only a second one makes it contended, be it under way or over by now."""
    edges = Edges()
    over = edges.over()
    edges.begin("start", "left")
    assert not edges.contended(over, "start")
    edges.passed("start", "left")
    edges.end("start", "left")
    assert edges.contended(over, "start")
