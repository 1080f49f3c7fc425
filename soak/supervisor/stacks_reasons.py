"""Why there is no native stack, or no core file, in words: what happened, and what would help."""

from __future__ import annotations

import re
import sys

_STACK_BEGINS = "Traceback for thread"

#: What pystack prints when it fails, and what that means here. The first that matches is the reason.
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"No module named '?pystack"),
        f"pystack is not installed for {sys.executable}; `pip install pystack` there",
    ),
    (
        re.compile(r"cannot be traced|Operation not permitted|PermissionError"),
        "ptrace is not permitted here; allow it with `sysctl kernel.yama.ptrace_scope=0`, or in a container "
        "with `--cap-add=SYS_PTRACE` (`soak doctor` says which)",
    ),
    (
        re.compile(r"contents of /proc/\d+|No such process|No such file or directory: '/proc/\d+"),
        "the process was gone before it could be looked at",
    ),
    (
        re.compile(
            r"Could not determine python version|not a (?:valid )?Python process|InvalidPythonProcess"
        ),
        "the process has become another program than Python",
    ),
    (
        re.compile(r"Unable to find maps for the executable"),
        "the core file is cut, or of another interpreter than the worker's",
    ),
    (
        re.compile(r"Cannot read the ELF header|Cannot open ELF|not an ELF|Truncated|truncated"),
        "the core file is empty or cut; is the disk full?",
    ),
    (re.compile(r"error: Core .* does not exist"), "the core file is gone"),
    (
        re.compile(r"error: Executable .* does not exist"),
        "the worker's interpreter is gone from where it was",
    ),
    (
        re.compile(r"not enough information|NotEnoughInformation|could not gather enough", re.IGNORECASE),
        "the interpreter was already shutting down, and its threads could not be found in its memory",
    ),
)

_UNMERGED = "* - Unable to merge native stack due to insufficient native information - *"


def explain(text: str) -> str:
    """Why ``text``, what a stack command printed on both streams, holds no (whole) stack; "" if it does."""
    if _STACK_BEGINS in text:
        if _UNMERGED in text:
            return "some native frames are missing: the libraries carry too little information to unwind them"
        return ""
    for pattern, reason in _REASONS:
        if pattern.search(text):
            return reason
    lines = [line.strip(" 💀") for line in text.splitlines() if line.strip(" 💀")]
    engine = [line for line in lines if "Engine error:" in line]
    last = (engine or lines or ["it printed nothing"])[-1]
    return f"pystack read no stack: {last[:200]}"
