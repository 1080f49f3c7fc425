"""Edges, read from what a scenario counts."""

from __future__ import annotations

from soak.report.edges import edges, say_edges

STORM = {
    "a mutation was refused while a policy ran throughout": 900,
    "a mutation met the start of a policy": 31,
    "a mutation met the stop of a policy": 1200,
    "a mutation met the end of a policy that ran out": 7,
    "a mutation met the end of a policy that raised": 0,
    "a mutation met the removal of a robot with its policy": 5,
    "a mutation came right after a policy raised": 2,
    "a close met a mutation": 3,
}


def test_edges_by_call() -> None:
    """Start, stop, finish and fail have one word each; what never happened is told; the rest is no edge."""
    assert edges(STORM) == {
        "mutation met": {
            "start": 31,
            "stop": 1200,
            "finish": 7,
            "fail": 0,
            "removal of a robot with its policy": 5,
        },
        "mutation right after": {"fail": 2},
        "close met": {"mutation": 3},
    }
    assert edges({"one seed was played again": 4}) == {}


def test_words() -> None:
    """One line for each call."""
    said = say_edges(STORM)
    assert said[0].startswith("mutation met: start 31×, stop 1.20k×, finish 7×, fail 0×, ")
    assert said[1:] == ["mutation right after: fail 2×", "close met: mutation 3×"]
