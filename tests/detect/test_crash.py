"""How a worker's end is judged: crash, exit, infra, or nothing."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from soak.detect import Detective
from soak.events import Kind, LastWords, Phase, Sighted, Stuck, WorkerEnded, WorkerStarted
from tests.detect.samples import fault, sample


def _end(**changes: Any) -> list[Sighted]:
    detective = Detective()
    detective.feed(sample(WorkerStarted))
    return detective.feed(sample(WorkerEnded, **changes), evidence=("workers/1/fault.txt",))


@pytest.mark.parametrize(
    "number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTERM]
)
def test_every_signal_is_a_crash(number: signal.Signals) -> None:
    """Whatever signal ends a worker that nobody asked to end, it is one crash, named by the signal."""
    (sighted,) = _end(status=-number)
    assert (sighted.kind, sighted.signal) == (Kind.CRASH, number)
    assert number.name in sighted.title
    assert (sighted.worker, sighted.scenario, sighted.first_iteration) == (1, "storm", 4)
    assert sighted.evidence == ("workers/1/fault.txt",)


def test_real_time_signal() -> None:
    """A signal without a name is a crash too."""
    (sighted,) = _end(status=-50)
    assert (sighted.kind, sighted.signal) == (Kind.CRASH, 50)


def test_crash_names_the_targets_frame() -> None:
    """The title names the innermost frame that is the target's, not the library's below it."""
    (sighted,) = _end(fault_text=fault("3.12-segv"))
    assert sighted.title == "SIGSEGV in innermost (arm/engine.py)"
    assert not sighted.shutdown
    assert not sighted.tainted


def test_crash_in_native_thread() -> None:
    """Where no thread of Python's crashed, no other thread's stack is taken for the crash."""
    (sighted,) = _end(fault_text=fault("3.12-native"))
    assert sighted.frames == ()
    assert sighted.title == "SIGSEGV in a thread without Python frames"


def test_crash_without_text() -> None:
    """A stack overflow in a thread leaves no text at all: still a crash."""
    (sighted,) = _end(fault_text="")
    assert sighted.title == "SIGSEGV without a Python stack"


def test_crash_after_last_words_is_of_class_shutdown() -> None:
    """A worker that had said its last words crashed at shutdown."""
    (sighted,) = _end(last_words=True, phase=Phase.EXIT)
    assert sighted.shutdown
    assert "at shutdown" in sighted.title


def test_crash_in_exit_phase_without_frames_is_of_class_shutdown() -> None:
    """So did one that was leaving and has no Python frame."""
    (sighted,) = _end(phase=Phase.EXIT, fault_text=fault("3.11-native"))
    assert sighted.shutdown


def test_crash_after_dump_is_tainted() -> None:
    """A crash after a dump from inside may be the dump's own doing, and says so."""
    (sighted,) = _end(dump_began=True)
    assert sighted.tainted


def test_crash_after_told_hang_is_no_second_finding() -> None:
    """When the hang has been told, the crash of the dump that followed it is not."""
    detective = Detective()
    detective.feed(sample(WorkerStarted))
    detective.stuck(sample(Stuck), ())
    assert detective.feed(sample(WorkerEnded, dump_began=True)) == []


@pytest.mark.parametrize("asked", ["budget", "hang", "interrupt"])
@pytest.mark.parametrize("status", [-signal.SIGKILL, -signal.SIGTERM])
def test_our_own_kill_is_nothing(asked: str, status: int) -> None:
    """What ended a worker because we asked is no finding."""
    assert _end(asked=asked, status=status) == []


def test_our_own_abort_is_nothing() -> None:
    """The SIGABRT that asks a hanging worker for a core is ours."""
    assert _end(asked="hang", status=-signal.SIGABRT) == []


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_crash_while_asked_to_end_is_a_crash(number: int) -> None:
    """A crash is the target's, also in the seconds in which the run ends."""
    (sighted,) = _end(asked="budget", status=-number)
    assert sighted.kind is Kind.CRASH


def test_crash_tells_what_mujoco_said() -> None:
    """An abort that MuJoCo's own error brought about carries MuJoCo's words."""
    (sighted,) = _end(status=-signal.SIGABRT, mujoco_log="ERROR: stack is in use\n")
    assert "MuJoCo's log: stack is in use" in sighted.detail


def test_kill_from_outside_is_infra() -> None:
    """A SIGKILL that was not ours says something about the machine."""
    (sighted,) = _end(status=-signal.SIGKILL)
    assert sighted.kind is Kind.INFRA
    assert sighted.title == "SIGKILL: from outside"


def test_oom_kill_is_infra_with_the_kernels_line() -> None:
    """Where the kernel's log names the worker, the finding carries the line."""
    (sighted,) = _end(status=-signal.SIGKILL, oom="Out of memory: Killed process 77 (python)")
    assert sighted.title == "SIGKILL: the kernel was out of memory"
    assert sighted.detail == "Out of memory: Killed process 77 (python)"


@pytest.mark.parametrize("status", [0, 1, 70, 255])
def test_end_without_last_words_is_an_exit(status: int) -> None:
    """A worker that ends by itself without its last words is a finding, whatever its status, 0 too."""
    (sighted,) = _end(status=status)
    assert sighted.kind is Kind.EXIT
    assert f"exit status {status}" in sighted.title


def test_exit_names_the_librarys_last_line() -> None:
    """MuJoCo leaves a line in its log and nowhere else: it names the finding."""
    log = (
        "Wed Jan  1 02:00:00 2025\nWARNING: nothing\n\nThu\nERROR: attempting to copy mjData while in use\n\n"
    )
    (sighted,) = _end(status=1, mujoco_log=log)
    assert sighted.promise == "attempting to copy mjData while in use"
    assert sighted.title.endswith(": attempting to copy mjData while in use")


def test_exit_during_the_budgets_end_is_an_exit() -> None:
    """The C library's exit(1) in the last second is not excused by our having asked for an end."""
    (sighted,) = _end(asked="budget", status=1)
    assert sighted.kind is Kind.EXIT


def test_clean_end_is_nothing() -> None:
    """A worker that said its last words and ended with 0 is no finding."""
    assert _end(status=0, last_words=True, phase=Phase.EXIT) == []


def test_failing_exit_after_last_words() -> None:
    """A status other than 0 after the last words is a finding of the interpreter's own shutdown."""
    (sighted,) = _end(status=120, last_words=True, phase=Phase.EXIT)
    assert (sighted.kind, sighted.shutdown) == (Kind.EXIT, True)


def test_unusable_worker_is_the_harnesss_fault_once() -> None:
    """A worker that says it cannot work is one finding of kind harness; its exit status is no second one."""
    detective = Detective()
    detective.feed(sample(WorkerStarted))
    words = sample(LastWords, reason="unusable", message="Traceback …\nKeyError: 'x'")
    (sighted,) = detective.feed(words)
    assert sighted.kind is Kind.HARNESS
    assert sighted.title == "the worker could not work: KeyError: 'x'"
    assert detective.feed(sample(WorkerEnded, status=1, last_words=True)) == []
