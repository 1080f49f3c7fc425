"""The search for an order, against brute force over every order, and where it has to give up."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from soak import linearize
from soak.history import UNKNOWN, Call, Model
from soak.linearize import Decided, NotDecided, decide
from soak.models import DONE, claims, generations, policy_table, register


def call(
    who: str, operation: str, argument: Any, reply: Any, began: int, ended: int | None, key: str = "k"
) -> Call:
    return Call(
        who=who, key=key, operation=operation, argument=argument, reply=reply, began=began, ended=ended
    )


def has_order(model: Model, calls: Sequence[Call], free: Sequence[Call] = ()) -> bool:
    """By brute force: every order that respects real time, of every choice of pending and ``free`` calls."""
    pending = [*(each for each in calls if each.ended is None), *free]
    ended = [each for each in calls if each.ended is not None]
    return any(
        _explains(model, order)
        for count in range(len(pending) + 1)
        for chosen in itertools.combinations(pending, count)
        for order in itertools.permutations([*ended, *chosen])
    )


def _explains(model: Model, order: Sequence[Call]) -> bool:
    latest = 0
    states: set[Any] = {model.initial}
    for each in order:
        if each.ended is not None and each.ended < latest:
            return False
        latest = max(latest, each.began)
        states = {
            after
            for state in states
            for after in model.step(state, each.operation, each.argument, each.reply)
        }
        if not states:
            return False
    return True


def random_calls(rng: random.Random, ask: Any) -> list[Call]:
    """A few calls of three threads, with overlaps, instants in common and pending ends."""
    calls = []
    for who in ("a", "b", "c"):
        at = rng.randrange(4)
        for _ in range(rng.randrange(3)):
            began, ended = at, at + rng.randrange(5)
            operation, argument, reply = ask(rng, who)
            if rng.random() < 0.15:
                calls.append(call(who, operation, argument, UNKNOWN, began, None))
                break
            calls.append(call(who, operation, argument, reply, began, ended))
            at = ended + rng.randrange(3)
    return calls


def ask_register(rng: random.Random, who: str) -> tuple[str, Any, Any]:
    if rng.random() < 0.5:
        return "set", rng.randrange(3), rng.choice((DONE, DONE, "refused"))
    return "get", None, rng.choice((None, 0, 1, 2))


def ask_claims(rng: random.Random, who: str) -> tuple[str, Any, Any]:
    verb = rng.choice(("claim", "claim", "release", "complete", "break"))
    return verb, rng.choice("ab"), rng.choice((DONE, DONE, "refused"))


def ask_generations(rng: random.Random, who: str) -> tuple[str, Any, Any]:
    verb = rng.choice(("get", "start", "reload", "stop"))
    return verb, None, rng.choice((None, 1, 2, 3, "refused"))


def ask_policies(rng: random.Random, who: str) -> tuple[str, Any, Any]:
    robot = rng.choice(("left", "right"))
    match rng.choice(("start", "stop", "mutate")):
        case "start":
            return "start", robot, rng.choice((1, 2, "refused"))
        case "stop":
            return "stop", robot, rng.choice((None, 1, 2))
        case _:
            return "mutate", rng.choice((robot, None)), rng.choice((DONE, "left", "right"))


@pytest.mark.parametrize(
    ("model", "ask"),
    [
        (register(), ask_register),
        (claims(), ask_claims),
        (generations(), ask_generations),
        (policy_table(), ask_policies),
    ],
)
def test_it_agrees_with_brute_force(model: Model, ask: Any) -> None:
    """A thousand small histories of each model, fine and broken, are decided as every order says."""
    rng = random.Random(20)
    answers = {True: 0, False: 0}
    for _ in range(1000):
        calls = random_calls(rng, ask)
        expected = has_order(model, calls)
        answers[expected] += 1
        outcome = decide(model, calls)
        assert isinstance(outcome, Decided)
        assert outcome.linearizable == expected, calls
    assert min(answers.values()) > 50


def test_keys_are_objects_of_their_own() -> None:
    """What one key holds says nothing of another; one broken key breaks the history."""
    calls = [
        call("a", "set", 1, DONE, 0, 1, key="x"),
        call("a", "get", None, None, 2, 3, key="y"),
        call("b", "get", None, 1, 2, 3, key="x"),
    ]
    assert decide(register(), calls) == Decided(linearizable=True, calls=3)
    broken = decide(register(), [*calls, call("b", "get", None, 1, 4, 5, key="y")])
    assert isinstance(broken, Decided)
    assert broken.stuck is not None
    assert broken.stuck.key == "y"


def test_calls_of_one_instant_overlap() -> None:
    """An end and a beginning that the clock cannot tell apart may have come in either order."""
    calls = [call("a", "set", 1, DONE, 0, 5), call("b", "get", None, None, 5, 6)]
    assert has_order(register(), calls)
    assert decide(register(), calls) == Decided(linearizable=True, calls=2)


def test_a_pending_call_took_effect_or_did_not_and_may_do_so_late() -> None:
    """Both readers of a killed writer's register are right, also long after; going back is not."""
    write = call("a", "set", 1, UNKNOWN, 0, None)
    before, after = call("b", "get", None, None, 10, 11), call("b", "get", None, 1, 20, 21)
    back = call("b", "get", None, None, 30, 31)
    for calls, expected in (([write, before], True), ([write, before, after], True)):
        assert decide(register(), calls) == Decided(linearizable=expected, calls=len(calls))
    outcome = decide(register(), [write, before, after, back])
    assert isinstance(outcome, Decided)
    assert not outcome.linearizable


def test_it_stops_at_the_first_reply_that_no_order_explains() -> None:
    """`stuck` ends with that reply; what was under way stands beside it, what came later is left out."""
    first, second = call("a", "set", 1, DONE, 0, 1), call("b", "get", None, 2, 5, 6)
    beside, later = call("c", "set", 7, DONE, 5, 9), call("c", "get", None, 8, 20, 21)
    outcome = decide(register(), [later, beside, second, first])
    assert isinstance(outcome, Decided)
    assert outcome.stuck is not None
    assert (outcome.stuck.calls, outcome.stuck.beside) == ((first, second), (beside,))


def hard() -> list[Call]:
    """A dozen writes at once, and a value that none of them wrote."""
    writes = [call(f"w{number}", "set", number, DONE, 0, 100) for number in range(12)]
    return [*writes, call("r", "get", None, "never", 0, 101)]


def test_a_search_that_takes_too_long_is_not_decided() -> None:
    """Out of time is neither yes nor no, and says for which key."""
    times = itertools.chain([0.0], itertools.repeat(9.0))
    outcome = decide(register(), hard(), seconds=5.0, clock=lambda: next(times))
    assert outcome == NotDecided(reason="key 'k' with 13 calls: it took more than 5 s")


def test_a_search_that_grows_too_large_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of room is neither yes nor no."""
    monkeypatch.setattr(linearize, "MOST_CONFIGURATIONS", 1000)
    outcome = decide(register(), hard(), seconds=60.0)
    assert outcome == NotDecided(reason="key 'k' with 13 calls: it needs more than 1000 configurations")


def test_a_broken_key_is_told_though_another_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """One contradiction is enough, however hard the other keys are."""
    monkeypatch.setattr(linearize, "MOST_CONFIGURATIONS", 1000)
    small = call("a", "get", None, 1, 0, 1, key="small")
    large = [call("b", "get", None, None, 2 * at, 2 * at + 1, key="large") for at in range(20)]
    for calls in ([small, *hard()], [*large, call("b", "get", None, 1, 50, 51, key="large"), *hard()]):
        outcome = decide(register(), calls, seconds=60.0)
        assert isinstance(outcome, Decided)
        assert not outcome.linearizable


def test_depth_is_no_limit() -> None:
    """Ten thousand calls in a row need no recursion."""

    def count(state: int, operation: str, argument: None, reply: int) -> Iterable[int]:
        return (state + 1,) if reply == state else ()

    calls = [call("a", "next", None, at, 2 * at, 2 * at + 1) for at in range(10_000)]
    outcome = decide(Model(initial=0, step=count), calls, seconds=60.0)
    assert outcome == Decided(linearizable=True, calls=10_000)


def test_a_call_cannot_end_before_it_began() -> None:
    """Times that run backwards are a mistake of whoever recorded them."""
    with pytest.raises(ValueError, match="set: ended 3 ns before it began"):
        call("a", "set", 1, DONE, 5, 2)
