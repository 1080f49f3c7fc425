"""What is probably the same is said, with the reason; what is not is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from soak.events import Frame, Kind
from soak.findings.likeness import Face, Moment, alike, families, places_of, probably_same
from tests.detect.samples import OURS, POLICY, STEP, STORM, WAIT

STACK = ("_version_of", "scene_version", "mutate", "storm")


def moments(*iterations: int) -> frozenset[Moment]:
    return frozenset(("night", 1, iteration) for iteration in iterations)


def face(
    finding: str, places: tuple[str, ...] = (), *, at: frozenset[Moment] = frozenset(), **more: Any
) -> Face:
    values: dict[str, Any] = {"kind": Kind.ERROR, "target": "arm:Arm"}
    return Face(finding=finding, places=places, moments=at, **(values | more))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (STACK, STACK, 1.0),
        (STACK, (), 0.0),
        ((), (), 0.0),
        (STACK, ("a", "b"), 0.0),
        (STACK, ("_weigh", "scene_version", "mutate", "storm"), 0.75),
        (STACK, ("scene_version", "between", "storm"), 4 / 7),
        (("a", "b"), ("b", "a"), 0.5),
        (("a", "a", "b"), ("a", "b"), 0.8),
    ],
)
def test_alike(one: tuple[str, ...], other: tuple[str, ...], expected: float) -> None:
    """The longest common subsequence of two stacks, in proportion; the order of frames counts."""
    assert alike(one, other) == pytest.approx(expected)
    assert alike(other, one) == pytest.approx(expected)


def test_places_are_normalised() -> None:
    """No harness, no library, no lines; a recursion once."""
    deep = (WAIT, STEP, dataclasses.replace(STEP, line=7), POLICY, STEP, OURS)
    step, policy = "step (arm/engine.py)", "run_policy (arm/policy.py)"
    assert places_of(deep) == (step, policy, step)
    assert places_of((Frame(function="f", file="/lib/libm.so.6", native=True), STORM)) == (
        "mutate (scenarios/storm.py)",
    )
    assert places_of(()) == ()


def test_alike_stacks_are_probably_the_same() -> None:
    """A KeyError and an IndexError from one place are offered as one; another place is not."""
    one = face("error-1", STACK)
    near = face("error-2", STACK[1:])
    far = face("error-3", ("close", "storm"))
    (likely,) = probably_same(one, [one, near, far])
    assert (likely.finding, likely.together) == ("error-2", 0)
    assert likely.alike == pytest.approx(6 / 7)
    assert likely.in_words() == "probably the same as error-2 (stacks 0.86 alike)"
    assert [each.finding for each in probably_same(near, [one, near, far])] == ["error-1"]
    assert probably_same(far, [one, near, far]) == ()


def test_two_promises_of_one_function_are_two() -> None:
    """Where a promise was noticed is where its author looks: that two are stated there says nothing."""
    one, other = (face(name, STACK, kind=Kind.VIOLATION) for name in ("violation-1", "violation-2"))
    assert probably_same(one, [other]) == ()
    raised = face("error-1", STACK)
    assert [each.finding for each in probably_same(one, [other, raised])] == ["error-1"]


def test_what_comes_in_one_iteration_is_probably_the_same() -> None:
    """Stacks may have nothing in common: a worker's first finding is its last, so two at once are faces."""
    broken = face("violation-1", ("look",), at=moments(1, 2, 3, 4, 5, 6), kind=Kind.VIOLATION)
    raised = face("error-1", STACK, at=moments(4, 9, 5))
    (likely,) = probably_same(broken, [raised])
    assert (likely.together, likely.times) == (2, 3)
    assert likely.in_words() == "probably the same as error-1 (in one iteration 2 of 3 times)"


def test_what_met_once_by_chance_is_not() -> None:
    """Once in many sightings is no reason."""
    one = face("violation-1", at=moments(*range(10)))
    other = face("error-1", at=moments(*range(9, 30)))
    assert probably_same(one, [other]) == ()


def test_an_iteration_of_another_run_is_another() -> None:
    """Iteration 4 of two nights is two moments."""
    other = face("error-1", at=frozenset({("another night", 1, 4)}))
    assert probably_same(face("error-2", at=moments(4)), [other]) == ()


@pytest.mark.parametrize("changes", [{"target": "arm:Other"}, {"kind": Kind.HARNESS}, {"kind": Kind.INFRA}])
def test_never_the_same(changes: dict[str, Any]) -> None:
    """Two targets' findings, soak's own faults and the machine's have nothing to do with one another."""
    one, other = face("a", STACK, at=moments(1)), face("b", STACK, at=moments(1), **changes)
    assert probably_same(one, [other]) == ()
    assert probably_same(other, [one]) == ()


def test_the_likeliest_comes_first() -> None:
    """By the better of the two reasons."""
    one = face("a", STACK, at=moments(1, 2))
    others = [
        face("half", ("x", "scene_version", "y", "storm")),
        face("twin", STACK),
        face("once", at=moments(2, 3, 4)),
    ]
    assert [each.finding for each in probably_same(one, others)] == ["twin", "half", "once"]


def test_families() -> None:
    """Faces of faces are one family; what is like nothing is one of its own."""
    one = face("a", STACK)
    near = face("b", STACK[1:], at=moments(1))
    third = face("c", ("elsewhere",), at=moments(1))
    alone = face("d", ("nowhere",))
    groups = families([third, alone, one, near])
    assert sorted(sorted(group) for group in groups) == [["a", "b", "c"], ["d"]]
