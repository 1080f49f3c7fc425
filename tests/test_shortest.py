"""The part of a history that is shown: short, true of the whole history, and readable."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest

from soak.history import Call, Model
from soak.linearize import Decided, decide
from soak.models import DONE, REFUSED, claims, generations, policy_table, register
from soak.shortest import Unexplained, in_one_line, shorten, side_by_side
from tests.test_linearize import (
    ask_claims,
    ask_generations,
    ask_policies,
    ask_register,
    call,
    has_order,
    random_calls,
)


def shortest(model: Model, calls: Sequence[Call], seconds: float = 60.0) -> Unexplained:
    """The shortest unexplained part of a history that has one."""
    outcome = decide(model, calls, seconds=60.0)
    assert isinstance(outcome, Decided)
    assert outcome.stuck is not None
    return shorten(model, outcome.stuck, seconds=seconds)


def asked(unexplained: Unexplained) -> list[tuple[str, Any]]:
    return [(each.operation, each.reply) for each in unexplained.calls]


def in_turn(*asked: tuple[str, Any, Any]) -> list[Call]:
    """Calls one after the other: operation, argument, reply."""
    return [call("a", *each, 10 * at, 10 * at + 5) for at, each in enumerate(asked)]


def test_a_double_start_is_two_starts_and_not_two_that_had_a_stop_between() -> None:
    """After hundreds of fair rounds, exactly the two starts are shown that nothing came between."""
    rounds = [
        step for number in range(1, 300) for step in (("start", "left", number), ("stop", "left", number))
    ]
    calls = in_turn(*rounds, ("mutate", None, DONE), ("start", "left", 300), ("start", "left", 301))
    unexplained = shortest(policy_table(), calls)
    assert asked(unexplained) == [("start", 300), ("start", 301)]
    assert (unexplained.last.reply, unexplained.of, unexplained.irreducible) == (301, 601, True)


def test_a_stale_read_is_shown_with_the_write_that_it_missed() -> None:
    """A value that was right once is wrong after another was written, whoever read it rightly before."""
    calls = in_turn(
        ("set", 1, DONE), ("get", None, 1), ("set", 2, DONE), ("set", 1, REFUSED), ("get", None, 1)
    )
    assert asked(shortest(register(), calls)) == [("set", DONE), ("get", 1)]


def test_a_value_out_of_nowhere_is_one_call() -> None:
    """A value that nobody ever wrote needs no other call to be wrong."""
    calls = in_turn(("set", 1, DONE), ("get", None, 1), ("set", 2, DONE), ("get", None, 7), ("get", None, 2))
    unexplained = shortest(register(), calls)
    assert asked(unexplained) == [("get", 7)]
    assert "No order explains this call, whatever" in side_by_side(unexplained, "register")


def test_what_was_under_way_at_the_beginning_may_have_taken_effect() -> None:
    """A write that spans the whole part explains a read in it, so it belongs to no contradiction."""
    spanning = call("w", "set", 1, DONE, 0, 500)
    calls = [spanning, *in_turn(("get", None, None), ("get", None, 1), ("get", None, None))]
    assert asked(shortest(register(), calls)) == [("get", 1), ("get", None)]


@pytest.mark.parametrize(
    ("model", "ask"),
    [
        (register(), ask_register),
        (claims(), ask_claims),
        (generations(), ask_generations),
        (policy_table(), ask_policies),
    ],
)
def test_what_is_shown_has_no_order_and_loses_that_with_any_call(model: Model, ask: Any) -> None:
    """Of random histories: the part is of the history, ends where it shows, and no order explains it."""
    rng = random.Random(7)
    found = 0
    while found < 100:
        calls = random_calls(rng, ask)
        outcome = decide(model, calls)
        assert isinstance(outcome, Decided)
        if outcome.stuck is None:
            continue
        found += 1
        shown = shorten(model, outcome.stuck, seconds=60.0)
        assert shown.irreducible
        assert shown.last in shown.calls
        assert set(map(id, shown.calls)) <= set(map(id, outcome.stuck.calls))
        assert not has_order(model, shown.calls)
        for left_out in shown.calls:
            kept = [each for each in shown.calls if each is not left_out]
            others = [each for each in outcome.stuck.calls if not any(each is one for one in kept)]
            assert has_order(model, kept, free=[*others, *outcome.stuck.beside])


def test_out_of_time_it_is_shown_as_long_as_it_is() -> None:
    """Without time for making it short, all calls up to the contradiction are shown, and that is said."""
    calls = in_turn(("set", 1, DONE), ("set", 2, DONE), ("get", None, 1), ("get", None, 2))
    outcome = decide(register(), calls)
    assert isinstance(outcome, Decided)
    assert outcome.stuck is not None
    times = itertools.count(0.0, 10.0)
    unexplained = shorten(register(), outcome.stuck, seconds=5.0, clock=lambda: next(times))
    assert asked(unexplained) == [("set", DONE), ("set", DONE), ("get", 1)]
    assert not unexplained.irreducible


def test_threads_stand_side_by_side() -> None:
    """Time runs downwards in microseconds; a line runs down the column of whoever is inside a call."""
    one, two = call("pool-0", "set", 1, DONE, 1_000, 9_000), call("pool-1", "get", None, 2, 3_500, 5_000)
    three = call("pool-0", "get", None, 1, 9_500, 9_700)
    unexplained = Unexplained(key="k", calls=(one, two, three), last=two, of=12, irreducible=True)
    assert side_by_side(unexplained, "box").splitlines() == [
        "The history of box is not linearizable: 'k', 12 calls.",
        "",
        "No order explains these 3 calls, whatever the others did; without any one of them there is one.",
        "",
        "          µs  pool-0   pool-1",
        "         0.0  ┌ set 1",
        "         2.5  │        ┌ get",
        "         4.0  │        └ 2   ← ?",
        "         8.0  └ done",
        "         8.5  ┌ get",
        "         8.7  └ 1",
        "",
        "get by pool-1 cannot have been answered 2.",
    ]
    assert in_one_line(unexplained) == "pool-0: set 1 → done; pool-1: get → 2; pool-0: get → 1"
