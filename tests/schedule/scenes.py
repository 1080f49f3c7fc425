"""Little scenarios without a target: what is under test is in this file."""

from __future__ import annotations

import random
import threading
from collections.abc import Generator
from typing import Any

import soak
from soak.author import ScenarioBuilder

Course = Generator[Any, None, None]
NEVER_NEGATIVE = "a balance is never negative"
NOT_TOO_MANY = "nobody gets more than there was"


class Account:
    """Check, then act: without a lock, unless it is asked for."""

    def __init__(self, *, locked: bool = False) -> None:
        self.balance = 100
        self.paid = 0
        self.lock = threading.Lock()
        self.locked = locked

    def withdraw(self, amount: int) -> soak.Refused | None:
        if self.locked:
            with self.lock:
                return self._withdraw(amount)
        return self._withdraw(amount)

    def _withdraw(self, amount: int) -> soak.Refused | None:
        if self.balance < amount:
            return soak.Refused(what="withdraw", because="there is too little", remedy="wait for more")
        self.balance = self.balance - amount
        self.paid = self.paid + amount
        return None


def bank(*, locked: bool) -> ScenarioBuilder:
    """Two threads that withdraw, one that reads, and a pool that does either."""

    def account(target: Any, rng: random.Random) -> Course:
        """Withdrawals."""
        yield Account(locked=locked)

    scenario = soak.scenario(seconds=1.0, name="bank", threads=2)(account)

    @scenario.operation(threads=2)
    def withdraw(account: Account, rng: random.Random) -> object:
        return account.withdraw(70)

    @scenario.operation()
    def read(account: Account, rng: random.Random) -> object:
        soak.always(account.balance >= 0, NEVER_NEGATIVE, balance=account.balance)
        return None

    @scenario.check(NOT_TOO_MANY)
    def not_too_many(account: Account) -> bool:
        return account.paid <= 100

    return scenario


def refusing() -> ScenarioBuilder:
    """All that may come of an operation without being a failure."""

    def nothing(target: Any, rng: random.Random) -> Course:
        """Refusals."""
        yield None

    scenario = soak.scenario(seconds=1.0, name="refusing")(nothing)

    @scenario.operation(threads=2, expects=(KeyError,))
    def refuse(state: None, rng: random.Random) -> object:
        if rng.random() < 0.5:
            raise KeyError("as expected")
        return soak.Refused(what="it", because="so", remedy="none")

    return scenario


def failing() -> ScenarioBuilder:
    """An operation that raises what nobody expects, once another one has run."""

    def flags(target: Any, rng: random.Random) -> Course:
        """Failures."""
        yield {}

    scenario = soak.scenario(seconds=1.0, name="failing")(flags)

    @scenario.operation(threads=1)
    def tell(state: dict[str, bool], rng: random.Random) -> None:
        state["told"] = True

    @scenario.operation(threads=1)
    def fail(state: dict[str, bool], rng: random.Random) -> None:
        if "told" in state:
            raise LookupError("told too early")

    return scenario


def crossed() -> ScenarioBuilder:
    """Two operations that take two locks in opposite orders."""

    def locks(target: Any, rng: random.Random) -> Course:
        """Deadlocks."""
        yield threading.Lock(), threading.Lock()

    scenario = soak.scenario(seconds=1.0, name="crossed")(locks)

    @scenario.operation(threads=1)
    def left_then_right(state: tuple[Any, Any], rng: random.Random) -> None:
        left, right = state
        with left, soak.doing("the right one"), right:
            pass

    @scenario.operation(threads=1)
    def right_then_left(state: tuple[Any, Any], rng: random.Random) -> None:
        left, right = state
        with right, left:
            pass

    return scenario


def watched() -> ScenarioBuilder:
    """An invariant that a thread breaks for the time between two lines, and a nemesis that counts itself."""

    def pair(target: Any, rng: random.Random) -> Course:
        """Two numbers that are equal."""
        state = {"one": 0, "other": 0, "nemesis": 0}
        yield state
        assert state["nemesis"] <= 1

    scenario = soak.scenario(seconds=1.0, name="watched")(pair)

    @scenario.operation(threads=1)
    def change(state: dict[str, int], rng: random.Random) -> None:
        state["one"] = state["one"] + 1
        state["other"] = state["other"] + 1

    @scenario.nemesis(every=0.5)
    def trouble(state: dict[str, int], rng: random.Random) -> None:
        state["nemesis"] = state["nemesis"] + 1

    @scenario.invariant("both numbers are equal", every=0.001)
    def equal(state: dict[str, int]) -> bool:
        return state["one"] == state["other"]

    return scenario


def remembered() -> ScenarioBuilder:
    """A register whose writer answers before it has written: only the history of its calls shows it."""

    def step(state: Any, operation: str, argument: Any, reply: Any) -> Any:
        if operation == "write":
            return [argument]
        return [state] if reply == state else []

    def register(target: Any, rng: random.Random) -> Course:
        """A register."""
        yield {"value": 0, "pending": 0}

    scenario = soak.scenario(seconds=1.0, name="remembered")(register)
    history = scenario.history(soak.Model(initial=0, step=step), name="register")

    @scenario.operation(threads=1)
    def write(state: dict[str, int], rng: random.Random) -> None:
        with history.call("it", "write", 1) as call:
            state["pending"] = 1
            call.reply = None
        with history.call("it", "read") as call:
            call.reply = state["value"]
        state["value"] = state["pending"]

    return scenario


def waiting() -> ScenarioBuilder:
    """An operation that goes on until its time is up."""

    def nothing(target: Any, rng: random.Random) -> Course:
        """Long operations."""
        yield []

    scenario = soak.scenario(seconds=1.0, name="waiting")(nothing)

    @scenario.operation(threads=2)
    def go_on(state: list[int], rng: random.Random) -> None:
        while not soak.stopping():
            state.append(1)

    return scenario


def until_told() -> ScenarioBuilder:
    """An operation that leaves its work half done where its time is up, as the last one of a soak may."""

    def nothing(target: Any, rng: random.Random) -> Course:
        """Half done."""
        yield {"half": False, "calls": 0}

    scenario = soak.scenario(seconds=1.0, name="until_told")(nothing)

    @scenario.operation(threads=1)
    def begin(state: dict[str, int], rng: random.Random) -> None:
        soak.always(not state["half"], "nothing is begun over what is half done")
        state["calls"] += 1
        state["half"] = True
        for _ in range(3):
            if soak.stopping():
                return
        state["half"] = False

    return scenario


def forking(*, alone: bool) -> ScenarioBuilder:
    """Operations in processes of their own, alone or beside threads."""

    def nothing(target: Any, rng: random.Random) -> Course:
        """Processes."""
        yield [0]

    scenario = soak.scenario(seconds=1.0, name="forking")(nothing)

    @scenario.operation(processes=2)
    def apart(state: list[int], rng: random.Random) -> None:
        raise AssertionError("no schedule may call this")

    if not alone:

        @scenario.operation(threads=1)
        def here(state: list[int], rng: random.Random) -> None:
            state[0] = state[0] + 1

    return scenario
