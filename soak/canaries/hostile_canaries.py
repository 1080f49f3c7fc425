"""The canaries for the harness itself: scenarios of a few lines that die, hang or leave something behind."""

from __future__ import annotations

from pathlib import Path

from soak.canaries.canary import Canary
from soak.events import Kind

_FOLDER = Path(__file__).parent / "hostile"


def hostile_file(name: str) -> str:
    """The path of a hostile scenario file."""
    return str(_FOLDER / f"{name}.py")


def _hostile(name: str, about: str, kind: Kind, says: str) -> Canary:
    return Canary(
        name=name, about=about, scenario=hostile_file(name), expect=(kind,), says=says, perturb="none"
    )


HOSTILE: tuple[Canary, ...] = (
    _hostile("sigsegv", "SIGSEGV in an operation", Kind.CRASH, r"SIGSEGV[^\n]*(\n.*)*follow_null"),
    _hostile("sigabrt", "abort() in an operation", Kind.CRASH, r"SIGABRT[^\n]*(\n.*)*give_up"),
    _hostile("exit_from_c", "exit(1) from C", Kind.EXIT, r"exit status 1\b"),
    _hostile("python_deadlock", "two locks in opposite order", Kind.HANG, r"left_then_right|right_then_left"),
    _hostile("gil_deadlock", "a native deadlock with the GIL held", Kind.HANG, r"lock_twice"),
    _hostile("busy_loop", "a busy `while True`", Kind.HANG, r"\bspin\b"),
    _hostile("lingering_thread", "a thread that keeps the process from exiting", Kind.HANG, r"\bexit\b"),
    _hostile("flood", "1 GB of broken output, then a hang among 150 threads", Kind.HANG, r"print_and_hang"),
    _hostile("dup2", "a crash with descriptors 1 and 2 taken away", Kind.CRASH, r"crash_unheard"),
    _hostile("grandchild", "a grandchild in a process session of its own", Kind.LEAK, r"\bsleep\b"),
    _hostile("killed_outside", "SIGKILL from outside", Kind.INFRA, r""),
    _hostile("shutdown_crash", "a daemon thread in mj_step at exit", Kind.CRASH, r"shutdown"),
    _hostile("starvation", "a pure-Python spinner beside a stepping thread", Kind.STARVATION, r"\bstep\b"),
    _hostile("stack_overflow", "stack overflow in a thread", Kind.CRASH, r"SIGSEGV"),
)
