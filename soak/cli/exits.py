"""soak's exit codes, and the one place where problems become words and codes."""

from __future__ import annotations

import contextlib
import enum
import signal
import sys
import traceback
from collections.abc import Iterator
from typing import assert_never

from soak.events import Verdict


class Exit(enum.IntEnum):
    """Exit codes. A run that a signal ended exits with 128 plus its number (130 for Ctrl-C)."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    HARNESS_FAULT = 3
    CANNOT_RUN = 4
    UNPROVEN = 5
    LOCKED = 75


SIGNAL_BASE = 128


class Problem(Exception):
    """Something that is not soak's fault and no finding: told in words, with an exit code of its own."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code


class UsageProblem(Problem):
    """The user's mistake: what was expected, what came, what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.USAGE)


class MachineProblem(Problem):
    """The machine cannot run it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.CANNOT_RUN)


def exit_code(verdict: Verdict, signal_number: int = 0) -> int:
    """The exit code that says ``verdict``."""
    match verdict:
        case Verdict.CLEAN:
            return Exit.CLEAN
        case Verdict.FINDINGS:
            return Exit.FINDINGS
        case Verdict.UNPROVEN:
            return Exit.UNPROVEN
        case Verdict.HARNESS_FAULT:
            return Exit.HARNESS_FAULT
        case Verdict.CANNOT_RUN:
            return Exit.CANNOT_RUN
        case Verdict.INTERRUPTED:
            return SIGNAL_BASE + signal_number
        case _:
            assert_never(verdict)


@contextlib.contextmanager
def told_in_words() -> Iterator[None]:
    """Turn a :class:`Problem` into one message on stderr and its exit code, our own bugs into exit code 3."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(SIGNAL_BASE + signal.SIGINT) from None
    except Problem as problem:
        sys.stderr.write(f"soak: {problem}\n")
        raise SystemExit(int(problem.code)) from None
    except BrokenPipeError:
        # Whoever read our output has gone (`soak list | head`): nothing is wrong, nothing is to say.
        sys.stderr.close()
        raise SystemExit(0) from None
    except Exception:  # noqa: BLE001 - the process's edge: whatever comes here is soak's own fault
        traceback.print_exc()
        sys.stderr.write("soak: this is soak's own fault, not the target's; what was recorded is kept\n")
        raise SystemExit(int(Exit.HARNESS_FAULT)) from None
