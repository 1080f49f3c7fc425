"""One bug has one name; two bugs have two."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from soak.events import Frame, Kind, Sighted
from soak.findings.signature import named_frames, signature
from tests.detect.samples import OURS, POLICY, STEP, STORM, WAIT, sample


def _name(**changes: Any) -> str:
    return signature(sample(Sighted, **changes)).id


#: What a sighting is called, for good: a changed name would lose a finding's history.
GOLDEN: list[tuple[str, dict[str, Any]]] = [
    ("crash-d25c47e2", {}),
    ("violation-4ab67988", {"kind": Kind.VIOLATION, "promise": "a refusal changes nothing"}),
    ("hang-55ea3853", {"kind": Kind.HANG, "promise": "close"}),
    ("error-97205370", {"kind": Kind.ERROR, "promise": "RuntimeError"}),
    ("leak-d155aeab", {"kind": Kind.LEAK, "promise": "memory"}),
]


def test_parts() -> None:
    """The parts say in words what a name is made of."""
    found = signature(sample(Sighted))
    assert found.parts == ("crash", "SIGSEGV", "step (arm/engine.py)")
    assert found.id.startswith("crash-")
    assert len(found.id) == len("crash-") + 8


@pytest.mark.parametrize(
    "changes",
    [
        {"t": 5.0, "sighting": 9, "worker": 9, "iteration": 90, "evidence": ()},
        {"detail": "other words", "title": "other words", "doing": ()},
        {"scenario": "another"},
        {"frames": (dataclasses.replace(STEP, line=999), POLICY)},
        {"frames": (dataclasses.replace(STEP, file="/srv/checkout/arm/engine.py"), POLICY)},
        {"frames": (dataclasses.replace(STEP, function="step"), POLICY)},
        {"frames": (WAIT, STEP, POLICY, OURS)},
        {"frames": (STEP,)},  # a dump that was cut
        {"frames": (STEP, STEP, STEP, POLICY)},
    ],
)
def test_same_crash(changes: dict[str, Any]) -> None:
    """Lines, folders, times, libraries, callers, cuts and recursion do not change a crash's name."""
    assert _name(**changes) == _name()


@pytest.mark.parametrize(
    "changes",
    [
        {"signal": 6},
        {"frames": (STORM,)},
        {"frames": (dataclasses.replace(STEP, function="add"),)},
        {"shutdown": True},
        {"tainted": True},
        {"kind": Kind.ERROR, "promise": "ValueError"},
    ],
)
def test_other_crash(changes: dict[str, Any]) -> None:
    """Another signal, place, class or kind is another finding."""
    assert _name(**changes) != _name()


def test_crash_without_frames() -> None:
    """Where nothing tells the place, the scenario does."""
    assert _name(frames=()) == _name(frames=(OURS,))
    assert _name(frames=()) != _name(frames=(), scenario="another")


def test_numbers_in_names() -> None:
    """Threads of one role, and leaks of one site, are one, whatever their numbers."""
    hang = {"kind": Kind.HANG, "frames": (WAIT, STEP, STORM)}
    assert _name(**hang, promise="add_object 3") == _name(**hang, promise="add_object 12")
    leak = {"kind": Kind.LEAK, "frames": ()}
    assert _name(**leak, promise="thread: start (x.py:7)") == _name(**leak, promise="thread: start (x.py:9)")
    assert _name(**leak, promise="thread: start (x.py:7)") != _name(**leak, promise="file: start (x.py:7)")
    hog = {"kind": Kind.STARVATION}
    assert _name(**hog, promise="spin-1, 97% of a core") == _name(**hog, promise="spin-2, 88% of a core")


def test_hangs_at_two_places() -> None:
    """One operation that hangs at two places has two bugs."""
    hang = {"kind": Kind.HANG, "promise": "close"}
    assert _name(**hang, frames=(WAIT, STEP)) != _name(**hang, frames=(WAIT, STORM))


def test_hang_ignores_native_frames() -> None:
    """A stack with its native half names the same hang as the one without."""
    native = Frame(function="pthread_cond_wait", file="/lib/libc.so.6", native=True)
    hang = {"kind": Kind.HANG, "promise": "close"}
    assert _name(**hang, frames=(native, WAIT, STEP)) == _name(**hang, frames=(WAIT, STEP))


def test_memory_leak_is_named_by_its_scenario() -> None:
    """Growth has no place: heap in one run and resident memory in the next are one finding."""
    leak = {"kind": Kind.LEAK, "promise": "memory", "frames": ()}
    assert _name(**leak, title="heap") == _name(**leak, title="resident memory")
    assert _name(**leak) != _name(**leak, scenario="another")


def test_violation_is_named_by_its_promise() -> None:
    """The promise's sentence alone names a violation: the same oracle in two scenarios is one bug."""
    broken = {"kind": Kind.VIOLATION, "promise": "a refusal changes nothing"}
    assert _name(**broken) == _name(**broken, scenario="another", frames=())
    assert _name(**broken) != _name(kind=Kind.VIOLATION, promise="close returns in time")


def test_exit_is_named_by_what_the_library_said() -> None:
    """One line of MuJoCo's log is one finding; without a line, status and scenario name it."""
    exits = {"kind": Kind.EXIT, "frames": ()}
    said = "mj_copyData: cannot copy 0x7f3a, stack 12 in use"
    assert _name(**exits, promise=said) == _name(
        **exits, promise=said.replace("0x7f3a", "0x99"), scenario="b"
    )
    assert _name(**exits, promise="exit status 1") != _name(**exits, promise="exit status 1", scenario="b")
    assert _name(**exits, promise="exit status 1") != _name(**exits, promise="exit status 3")


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_name(kind: Kind) -> None:
    """No kind of sighting is without a name, with and without frames and promise."""
    for promise in ("", "something"):
        for frames in ((), (STEP,)):
            assert _name(kind=kind, promise=promise, frames=frames).startswith(f"{kind.value}-")


def test_named_frames() -> None:
    """At most three places, each once, without the harness."""
    deep = (WAIT, STEP, STEP, POLICY, STORM, dataclasses.replace(STORM, function="outer"), OURS)
    assert named_frames(deep) == (
        "step (arm/engine.py)",
        "run_policy (arm/policy.py)",
        "mutate (scenarios/storm.py)",
    )


@pytest.mark.parametrize(("name", "changes"), GOLDEN)
def test_names_stay(name: str, changes: dict[str, Any]) -> None:
    """Names are the same on every machine and Python, for good: they are keys of stored findings."""
    assert _name(**changes) == name
