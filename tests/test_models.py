"""Each model allows what a correct target answers, call by call, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from soak import models
from soak.history import UNKNOWN, Model
from soak.models import COMPLETED, DONE, FREE, REFUSED


def after(model: Model, *asked: tuple[str, Any, Any]) -> set[Any]:
    """The states that calls one after the other may leave."""
    states = {model.initial}
    for operation, argument, reply in asked:
        states = {after for state in states for after in model.step(state, operation, argument, reply)}
    return states


def fine(model: Model, *asked: tuple[str, Any, Any]) -> bool:
    return bool(after(model, *asked))


def test_a_register_holds_what_was_set_last() -> None:
    """A refused set changes nothing; one of unknown end may have changed it."""
    box = models.register(0)
    assert fine(box, ("get", None, 0), ("set", 1, DONE), ("set", 2, REFUSED), ("get", None, 1))
    assert not fine(box, ("set", 1, DONE), ("get", None, 0))
    assert after(box, ("set", 1, UNKNOWN)) == {0, 1}
    assert not fine(box, ("set", 1, "what"))


def test_generations_only_grow() -> None:
    """Whoever looks sees the newest; a failed reload leaves the old one; nothing comes back."""
    registry = models.generations()
    assert fine(
        registry,
        ("get", None, None),
        ("start", None, 3),
        ("start", None, REFUSED),
        ("reload", None, 5),
        ("reload", None, REFUSED),
        ("get", None, 5),
        ("stop", None, 5),
        ("get", None, None),
        ("start", None, 6),
    )
    for broken in (
        (("start", None, 3), ("get", None, None)),
        (("start", None, 3), ("reload", None, 5), ("get", None, 3)),
        (("start", None, 3), ("reload", None, 2)),
        (("start", None, 3), ("start", None, 4)),
        (("reload", None, 1),),
        (("start", None, 3), ("stop", None, None)),
        (("start", None, 3), ("stop", None, 3), ("start", None, 3)),
    ):
        assert not fine(registry, *broken), broken


def test_a_generation_that_nobody_was_told_is_known_once_it_is_seen() -> None:
    """A reload of unknown end may have registered anything newer, but one thing only."""
    registry, lost = models.generations(), (("start", None, 3), ("reload", None, UNKNOWN))
    assert fine(registry, *lost, ("get", None, 3))
    assert fine(registry, *lost, ("get", None, 8), ("stop", None, 8))
    assert not fine(registry, *lost, ("get", None, 8), ("get", None, 9))
    assert not fine(registry, *lost, ("get", None, 2))


def test_a_claim_has_one_owner() -> None:
    """The loser is refused, only the owner releases and completes, and what is completed stays so."""
    task = models.claims()
    assert fine(
        task,
        ("claim", "a", DONE),
        ("claim", "b", REFUSED),
        ("owner", None, "a"),
        ("release", "b", REFUSED),
        ("release", "a", DONE),
        ("owner", None, FREE),
        ("claim", "b", DONE),
        ("complete", "b", DONE),
        ("claim", "a", REFUSED),
        ("owner", None, COMPLETED),
    )
    for broken in (
        (("claim", "a", DONE), ("claim", "b", DONE)),
        (("claim", "a", REFUSED),),
        (("claim", "a", DONE), ("release", "b", DONE)),
        (("claim", "a", DONE), ("complete", "a", DONE), ("release", "a", DONE)),
        (("claim", "a", DONE), ("break", "b", DONE)),
    ):
        assert not fine(task, *broken), broken


def test_a_dead_owner_s_claim_can_be_broken() -> None:
    """Somebody else may release it, and may decline to at any time."""
    task = models.claims()
    assert fine(
        task, ("claim", "a", DONE), ("break", "a", REFUSED), ("break", "a", DONE), ("claim", "b", DONE)
    )


def test_one_policy_runs_on_a_robot() -> None:
    """Starts, stops and mutations as the guard promises them, over two robots."""
    table = models.policy_table()
    assert fine(
        table,
        ("mutate", None, DONE),
        ("start", "left", 1),
        ("start", "left", REFUSED),
        ("mutate", "right", DONE),
        ("mutate", None, "left"),
        ("start", "right", 2),
        ("mutate", None, "right"),
        ("stop", "left", 1),
        ("stop", "left", 1),
        ("stop", "left", None),
        ("start", "left", 3),
    )
    for broken in (
        (("start", "left", 1), ("start", "left", 2)),
        (("start", "left", REFUSED),),
        (("start", "left", 1), ("mutate", "left", DONE)),
        (("start", "left", 1), ("mutate", None, "right")),
        (("start", "left", 1), ("stop", "left", None)),
        (("start", "left", 1), ("stop", "left", 1), ("start", "left", REFUSED)),
        (("start", "left", 1), ("stop", "left", 2)),
        (("start", "left", 2), ("start", "right", 1)),
    ):
        assert not fine(table, *broken), broken


def test_a_run_whose_number_nobody_was_told_stops_under_any() -> None:
    """A start of unknown end may have been accepted: then a stop names a run that no start did."""
    table, lost = models.policy_table(), ("start", "left", UNKNOWN)
    assert fine(table, lost, ("mutate", None, DONE))
    assert fine(table, lost, ("mutate", None, "left"), ("stop", "left", 7))
    assert fine(table, ("start", "left", 1), ("stop", "left", UNKNOWN), ("start", "left", 2))


@pytest.mark.parametrize(
    "model", [models.register(), models.generations(), models.claims(), models.policy_table()]
)
def test_an_operation_that_a_model_does_not_know_is_a_mistake(model: Model) -> None:
    """It is told by name, with those that are known."""
    with pytest.raises(ValueError, match="no operation 'shake'; expected one of"):
        model.step(model.initial, "shake", None, DONE)
