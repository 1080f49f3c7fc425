"""What a scenario's author writes: builders, the frozen record, and statements outside a worker."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Generator, Mapping
from typing import Any

import pytest

import soak
from soak.author import Scenario, guarantee_of, set_witness


def make_builder(**options: Any) -> soak.ScenarioBuilder:
    @soak.scenario(seconds=5.0, **options)
    def storm(target: Any, rng: random.Random) -> Generator[Any, None, None]:
        """A storm of mutations.

        More words.
        """
        yield target()

    return storm


def test_a_builder_freezes_to_a_record() -> None:
    """Everything that was hung on the builder is in the record, in order, and the record is frozen."""
    storm = make_builder(rounds=3, threads=2, target="pkg:Sim", real_exit=True, hang_after=2.5)
    first = storm.sometimes("a mutation met a running policy")
    second = storm.sometimes("a policy failed")

    @storm.operation(threads=4, expects=(KeyError,))
    def mutate(state: Any, rng: random.Random) -> None: ...

    @storm.operation(weight=2.5)
    def look(state: Any, rng: random.Random) -> None: ...

    @storm.nemesis(every=0.5)
    def collect(state: Any, rng: random.Random) -> None: ...

    @storm.invariant("time never goes back", every=0.1)
    def forward(state: Any) -> bool:
        return True

    @storm.check("nothing is left")
    def tidy(state: Any) -> bool:
        return True

    record = storm.freeze()
    assert (record.name, record.summary, record.seconds) == ("storm", "A storm of mutations.", 5.0)
    assert (record.rounds, record.threads, record.target) == (3, 2, "pkg:Sim")
    assert (record.real_exit, record.fresh, record.hang_after) == (True, False, 2.5)
    assert [(op.name, op.threads, op.weight) for op in record.operations] == [
        ("mutate", 4, 1.0),
        ("look", None, 2.5),
    ]
    assert record.operations[0].expects == (KeyError,)
    assert (record.nemeses[0].name, record.nemeses[0].every) == ("collect", 0.5)
    assert (record.invariants[0].promise, record.invariants[0].every) == ("time never goes back", 0.1)
    assert record.checks[0].promise == "nothing is left"
    assert record.sometimes == (first.text, second.text)
    assert (first.index, second.index) == (0, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.name = "other"  # type: ignore[misc]


def test_decorators_give_the_function_back() -> None:
    """What was decorated can still be called by itself, in a unit test say."""
    storm = make_builder()

    @storm.operation()
    def answer(state: Any, rng: random.Random) -> int:
        return 42

    @storm.check("it answers")
    def answers(state: Any) -> bool:
        return answer(state, random.Random(1)) == 42

    assert answers(None) is True


def test_a_name_and_an_empty_docstring_are_fine() -> None:
    """The name may be given, and a scenario without words has an empty summary."""

    @soak.scenario(seconds=1, name="other")
    def storm(target: Any, rng: random.Random) -> Generator[Any, None, None]:
        yield None

    record: Scenario = storm.freeze()
    assert (record.name, record.summary, record.target) == ("other", "", None)


def test_processes_are_in_the_record() -> None:
    """An operation may have processes, mortal ones or not; outside a worker none live."""
    storm = make_builder()

    @storm.operation(processes=3, mortal=True)
    def claim(state: Any, rng: random.Random) -> None: ...

    @storm.operation(processes=1)
    def look(state: Any, rng: random.Random) -> None: ...

    record = storm.freeze()
    assert [(op.processes, op.mortal, op.threads) for op in record.operations] == [
        (3, True, None),
        (1, False, None),
    ]
    assert soak.processes() == soak.processes("claim") == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"processes": 0}, "at least 1"),
        ({"processes": 2, "threads": 2}, "not both"),
        ({"mortal": True}, "needs processes"),
        ({"mortal": True, "threads": 1}, "needs processes"),
    ],
)
def test_wrong_processes_are_told_at_once(options: dict[str, Any], said: str) -> None:
    """The mistake is named where it is made."""
    with pytest.raises(ValueError, match=said):
        make_builder().operation(**options)


def test_no_threads_are_told_at_once() -> None:
    """An operation with less than one thread is the author's mistake, told where it is made."""
    with pytest.raises(ValueError, match="threads must be at least 1, got 0; leave it out"):
        make_builder().operation(threads=0)


def test_a_refusal_reads_as_a_sentence() -> None:
    """A refusal says what, why not, and what to do."""
    refused = soak.Refused(what="add_body", because="arm runs a policy", remedy="stop it first", robot="arm")
    assert str(refused) == "add_body refused: arm runs a policy; stop it first"


def test_outside_a_worker_a_broken_promise_is_an_assertion() -> None:
    """In a plain test `always` raises, with its details, and the other statements are silent."""
    assert soak.always(1 == 1, "one is one")
    with pytest.raises(AssertionError, match=r"^two is one \{'got': 2\}$"):
        soak.always([], "two is one", got=2)
    with pytest.raises(AssertionError, match=r"^no details$"):
        soak.always(False, "no details")
    with soak.doing("a thing"):
        soak.beat()
    assert soak.stopping() is False
    make_builder().sometimes("it happens")()


class Recorder:
    """A witness that remembers."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def broken(self, promise: str, details: Mapping[str, object]) -> None:
        self.said.append((promise, dict(details)))

    def seen(self, index: int) -> None:
        self.said.append(index)

    def enter(self, label: str) -> None:
        self.said.append(f"enter {label}")

    def leave(self, raised: bool = False) -> None:
        self.said.append("raised" if raised else "leave")

    def beat(self) -> None:
        self.said.append("beat")

    def stopping(self) -> bool:
        return True

    def processes(self, operations: tuple[str, ...]) -> tuple[int, ...]:
        return (len(operations),)

    def took(self, what: str, seconds: float) -> None:
        self.said.append((what, seconds))


def test_a_witness_hears_every_statement() -> None:
    """Inside a worker nothing raises: the witness is told, and `always` says what it found."""
    recorder = Recorder()
    mark = make_builder().sometimes("seen")
    before = set_witness(recorder)
    try:
        assert soak.always(False, "broken", n=1) is False
        mark(0)
        mark("truthy")
        with soak.doing("x"):
            soak.beat()
        with pytest.raises(KeyError), soak.doing("y"):
            raise KeyError
        assert soak.stopping()
        assert soak.processes("claim", "note") == (2,)
        soak.took("a step", 0.5)
    finally:
        assert set_witness(before) is recorder
    expected = [("broken", {"n": 1}), 0, "enter x", "beat", "leave", "enter y", "raised"]
    expected.append(("a step", 0.5))
    assert recorder.said == expected


def test_a_guarantee_makes_promises_that_know_it() -> None:
    """Its promise is its sentence wherever one goes, and says what it is a part of; another one does not."""
    guard = soak.guarantee("a running policy has its scene for itself")
    promise = guard.promise("a mutation is refused while a policy runs")
    assert promise == "a mutation is refused while a policy runs"
    assert guarantee_of(promise) == "a running policy has its scene for itself"
    assert guarantee_of("a mutation is refused while a policy runs") == ""
    with pytest.raises(AssertionError, match="a mutation is refused"):
        soak.always(False, promise)
