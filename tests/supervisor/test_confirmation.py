"""Confirmed is what a process died of while the two calls did meet, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soak.supervisor.confirmation import confirm
from soak.supervisor.exploration import Explored


class Child:
    """Stands in for the processes: the first is ``explored[0]``, and so on."""

    def __init__(self, *explored: Explored) -> None:
        self.explored = list(explored)
        self.specs: list[Mapping[str, Any]] = []

    def __call__(self, spec: Mapping[str, Any]) -> Explored:
        self.specs.append(spec)
        return self.explored.pop(0)


def survived(*, met: bool, missing: str = "") -> Explored:
    record = {"found": True, "missing": missing}
    return Explored(record=record, signal=0, hung=False, exit_code=0, token="t", met="a" if met else "")


def died(number: int = 0, *, code: int = 1, met: bool = True, hung: bool = False) -> Explored:
    return Explored(
        record=None,
        signal=number,
        hung=hung,
        exit_code=-number or code,
        token="t",
        met="a" if met else "",
    )


def test_it_ends_with_the_first_death() -> None:
    child = Child(survived(met=True), survived(met=False), died(11), died(6))
    told = confirm(child, "token")
    assert (told.tries, told.met, told.death) == (3, 2, "SIGSEGV")
    assert "the process ended with SIGSEGV, in try 3" in told.in_words()
    assert {spec["token"] for spec in child.specs} == {"token"}
    moments = [spec["freeze"]["delay"] for spec in child.specs]
    assert len(set(moments)) == 3 and all(0 <= moment < 0.001 for moment in moments)
    assert [spec["freeze"]["stop_second"] for spec in child.specs] == [False, True, False]
    assert [spec["freeze"]["times"] for spec in child.specs] == [50, 50, 1000]


def test_an_exit_and_a_hang_are_deaths_too() -> None:
    assert confirm(Child(died(code=1)), "token").death == "exit code 1"
    assert confirm(Child(died(9, hung=True)), "token").death == "a hang"


def test_a_death_in_which_the_calls_did_not_meet_confirms_nothing() -> None:
    """It is of something else."""
    told = confirm(Child(died(11, met=False), survived(met=True)), "token", tries=2)
    assert (told.death, told.met) == ("", 1)
    assert "nothing died in 2 tries, in 1 of which the two calls did meet" in told.in_words()


def test_what_was_killed_from_outside_confirms_nothing() -> None:
    """Out of memory, say; a hang, which we end that way ourselves, does."""
    assert confirm(Child(died(9), survived(met=True)), "token", tries=2).death == ""


def test_what_cannot_be_is_not_tried_again() -> None:
    """Where no thread can be stopped, and where the calls are over each time."""
    told = confirm(Child(survived(met=False, missing="not here")), "token")
    assert (told.tries, told.in_words()) == (1, "not confirmed by a crash: not here")
    told = confirm(Child(*[survived(met=False)] * 4), "token")
    assert "in 4 tries neither call could be stopped before it was over" in told.in_words()


def test_an_interrupt_ends_the_tries_and_not_the_answer() -> None:
    """Ctrl-C: what the search has found is still to be told."""

    def child(_spec: Mapping[str, Any]) -> Explored:
        raise KeyboardInterrupt

    assert confirm(child, "token").in_words() == "not confirmed by a crash: interrupted"
