"""One bug has one name; two bugs have two."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from soak.events import Blocked, Frame, Kind, Sighted
from soak.findings.signature import former_names, named_frames, signature
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


HOLDER = Blocked(thread="move-1", doing="remove", frames=(WAIT, STEP, POLICY), holds=("_lock",))
COUNTER = Blocked(thread="", doing="", frames=(WAIT, STORM), holds=("_data",), waits=("_lock",))


def test_a_knot_is_a_hangs_whole_name() -> None:
    """Who was noticed first, in what, and the order in which the others are told do not matter."""
    hang = {"kind": Kind.HANG, "blocked": (HOLDER, COUNTER)}
    name = _name(**hang, promise="remove")
    assert name == _name(**hang, promise="look", frames=(WAIT,), scenario="another")
    assert name == _name(kind=Kind.HANG, promise="remove", blocked=(COUNTER, HOLDER))
    assert name != _name(kind=Kind.HANG, promise="remove", blocked=(HOLDER,))
    assert name != _name(kind=Kind.HANG, promise="remove")
    parts = signature(sample(Sighted, kind=Kind.HANG, blocked=(HOLDER, COUNTER))).parts
    assert parts == (
        "hang",
        "mutate (scenarios/storm.py)",
        "step (arm/engine.py) < run_policy (arm/policy.py)",
    )


def test_two_threads_at_one_place_are_one() -> None:
    """A hang has the set of its knot's stacks: three threads of one role and two are one hang."""
    twin = dataclasses.replace(HOLDER, thread="move-2")
    hang = {"kind": Kind.HANG, "promise": "remove"}
    assert _name(**hang, blocked=(HOLDER, twin)) == _name(**hang, blocked=(HOLDER,))


def test_a_lock_without_a_holder_names_its_hang() -> None:
    """Whoever is first to want a lock that nobody gives back."""
    orphan = Blocked(thread="move-1", doing="move", frames=(STEP,), waits=("_lock",))
    other = dataclasses.replace(orphan, thread="add-2", doing="add", frames=(STORM,))
    hang = {"kind": Kind.HANG}
    assert _name(**hang, promise="move", blocked=(orphan,)) == _name(**hang, promise="add", blocked=(other,))
    another = dataclasses.replace(orphan, waits=("_table_lock",))
    assert _name(**hang, blocked=(orphan,)) != _name(**hang, blocked=(another,))


def test_two_targets_have_two_findings() -> None:
    """The same promise, or the same line of a shared engine, is another problem in another target."""
    for kind in (Kind.VIOLATION, Kind.CRASH, Kind.ERROR, Kind.LEAK, Kind.HANG, Kind.EXIT):
        broken = {"kind": kind, "promise": "a refusal changes nothing"}
        assert _name(**broken, target="arm:Arm") != _name(**broken, target="arm:Other")
    for kind in (Kind.HARNESS, Kind.INFRA):
        assert _name(kind=kind, target="arm:Arm") == _name(kind=kind, target="arm:Other")


def test_the_only_threads_operation_names_what_has_no_frames() -> None:
    """A crash or an exit without a stack is named by what the only thread was in; with one, by its place."""
    for kind, promise in ((Kind.CRASH, ""), (Kind.EXIT, "exit status 1")):
        dead = {"kind": kind, "promise": promise, "frames": ()}
        assert _name(**dead, operation="leave") != _name(**dead, operation="enter")
    assert _name(operation="leave") == _name(operation="enter")


def test_comprehensions_belong_to_their_function() -> None:
    """Python 3.12 runs most of them without a frame of their own: one bug keeps its name."""
    inner = dataclasses.replace(STEP, function="Engine.step.<locals>.<listcomp>")
    assert _name(frames=(inner, STEP, POLICY)) == _name(frames=(STEP, POLICY))
    assert _name(frames=(inner,)) != _name(frames=())


def test_a_name_is_the_same_on_every_python() -> None:
    """Where only the standard library's frames tell, its version's folder does not."""
    hang = {"kind": Kind.HANG, "promise": "exit"}
    newer = dataclasses.replace(WAIT, file="/usr/lib/python3.13/threading.py")
    assert _name(**hang, frames=(WAIT,)) == _name(**hang, frames=(newer,))
    native = Frame(function="futex_wait", file="/lib/libc.so.6", native=True)
    assert _name(**hang, frames=(native, WAIT)) == _name(**hang, frames=(WAIT,))
    assert _name(**hang, frames=(native,)) != _name(**hang, frames=())


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


def test_the_promises_of_one_guarantee_are_one() -> None:
    """Whichever of its promises is broken, a guarantee is; another one's, or the bare sentence, is not it."""
    broken = {"kind": Kind.VIOLATION, "guarantee": "a scene is one's own"}
    name = _name(**broken, promise="a refusal changes nothing")
    assert name == _name(**broken, promise="nothing changes under a policy")
    assert name != _name(kind=Kind.VIOLATION, promise="a refusal changes nothing")
    assert name != _name(kind=Kind.VIOLATION, promise="a refusal changes nothing", guarantee="another")


def test_an_error_is_named_by_who_raised_it_and_who_called_that() -> None:
    """For whom they worked makes no second bug of one; another caller or another type does."""
    raised = {"kind": Kind.ERROR, "promise": "FileNotFoundError"}
    create = dataclasses.replace(STORM, function="create")
    name = _name(**raised, frames=(STEP, POLICY, STORM))
    assert name == _name(**raised, frames=(STEP, POLICY, create))
    assert name != _name(**raised, frames=(STEP, STORM))
    assert name != _name(kind=Kind.ERROR, promise="KeyError", frames=(STEP, POLICY, STORM))


IN_SHOP = dataclasses.replace(STEP, file="/srv/shop/arm.py")
AT_TOP = dataclasses.replace(STEP, file="arm.py")
BROKEN = {"kind": Kind.VIOLATION, "promise": "a refusal changes nothing"}
RAISED: dict[str, Any] = {"kind": Kind.ERROR, "promise": "KeyError", "frames": (STEP, POLICY, STORM)}


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ({**BROKEN, "guarantee": "whole"}, BROKEN),
        ({**BROKEN, "guarantee": "whole", "target": "arm:Arm"}, {**BROKEN, "target": "arm:Arm"}),
        ({**BROKEN, "guarantee": "whole", "target": "arm:Arm"}, BROKEN),
        ({"frames": (AT_TOP,), "project": "shop"}, {"frames": (IN_SHOP,)}),
        ({"frames": (AT_TOP,), "project": "shop", "target": "arm:Arm"}, {"frames": (IN_SHOP,)}),
        (
            {
                "kind": Kind.HANG,
                "project": "shop",
                "blocked": (dataclasses.replace(HOLDER, frames=(AT_TOP,)),),
            },
            {"kind": Kind.HANG, "blocked": (dataclasses.replace(HOLDER, frames=(IN_SHOP,)),)},
        ),
    ],
)
def test_a_former_name_is_known(now: dict[str, Any], then: dict[str, Any]) -> None:
    """What was found before names knew guarantees, targets and the project's top is recognised."""
    assert _name(**now) != _name(**then)
    assert _name(**then) in former_names(sample(Sighted, **now))


def test_an_errors_longer_name_is_known() -> None:
    """Errors had their callers' callers in their names."""
    was = "\0".join(("error", "KeyError", *named_frames(RAISED["frames"])))
    former = f"error-{hashlib.sha256(was.encode()).hexdigest()[:8]}"
    assert former != _name(**RAISED)
    assert former in former_names(sample(Sighted, **RAISED))


def test_what_never_changed_has_no_other_name() -> None:
    """Most findings are called as ever."""
    assert former_names(sample(Sighted)) == {_name()}
