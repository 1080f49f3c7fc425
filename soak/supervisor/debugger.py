"""gdb around a worker: what it is told, and what it says. Nothing here starts a process.

gdb stops at the fault itself, before faulthandler's handler runs: the native stack is that of the crash. The
Python frames come from CPython's own gdb extension where the interpreter brings it, and from faulthandler,
which gets the signal once gdb has looked.
"""

from __future__ import annotations

import re
import shlex
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

#: Innermost frames shown of the thread that crashed, and of every other one.
_FRAMES, _FRAMES_OF_OTHERS = 40, 12
#: Where distributions put what gdb loads for the file of that path.
_AUTO_LOAD = Path("/usr/share/gdb/auto-load")

_RECEIVED = re.compile(r"received signal (SIG[A-Z0-9]+)")
_EXITED = re.compile(r"exited with code ([0-7]+)\]")
_REFUSED = re.compile(r"ptrace: [^\n]+|Could not trace the inferior process[^\n]*")
#: The first line of what `py-bt` prints.
PY_BT = "Traceback (most recent call first):"

_RUN = """\
set pagination off
set confirm off
set print thread-events off
set print frame-arguments scalars
set startup-with-shell off
set breakpoint pending on
handle SIGUSR1 SIGPIPE SIGCHLD nostop noprint pass
{breaks}
run
if $_isvoid($_exitcode) && $_isvoid($_exitsignal)
shell : > {marker}
echo \\n-- the thread that stopped, native frames --\\n
bt {frames}
end
"""
_PYTHON = """\
if $_isvoid($_exitcode) && $_isvoid($_exitsignal)
echo \\n-- the same, Python frames --\\n
py-bt
end
"""
_OTHERS = """\
if $_isvoid($_exitcode) && $_isvoid($_exitsignal)
echo \\n-- all threads, native frames --\\n
thread apply all bt {frames}
end
"""
_END = {
    # The signal is delivered now: faulthandler writes its text, and raises it again, where gdb stops again.
    False: "if $_isvoid($_exitcode) && $_isvoid($_exitsignal)\ncontinue\nkill\nend\nquit\n",
    True: "if !$_isvoid($_exitcode) || !$_isvoid($_exitsignal)\nquit\nend\n",
}


def find_gdb() -> str | None:
    """gdb's path, or None."""
    return shutil.which("gdb")


def python_extension(executable: Path) -> Path | None:
    """CPython's extension for gdb (`py-bt`, `py-locals`) that belongs to ``executable``, or None."""
    real = executable.resolve()
    beside = real.with_name(f"{real.name}-gdb.py")
    known = _AUTO_LOAD / beside.relative_to("/")
    return next((path for path in (beside, known) if path.is_file()), None)


def command(
    gdb: str,
    worker: Sequence[str],
    folder: Path,
    *,
    extension: Path | None,
    at_exit: bool,
    interactive: bool,
) -> list[str]:
    """The command line that runs ``worker`` under gdb, with its scripts written into ``folder``.

    A crash stops it, with ``at_exit`` also C's ``exit``; then ``folder/stopped`` appears and the stacks are
    printed. An ``interactive`` gdb stays at its prompt there. An error in one script leaves the next ones.

    Raises:
        OSError: the folder cannot be written.
    """
    marker = shlex.quote(str(folder / "stopped"))
    parts = [_RUN.format(breaks="break exit" if at_exit else "", marker=marker, frames=_FRAMES)]
    if extension is not None:
        parts.append(_PYTHON)
    if not interactive:
        parts.append(_OTHERS.format(frames=_FRAMES_OF_OTHERS))
    parts.append(_END[interactive])
    words = [gdb, "-q", "-nx"] + ([] if interactive else ["-batch"])
    if extension is not None:
        # The extension is the interpreter's own: gdb may load it by itself as well.
        words += ["-iex", f"add-auto-load-safe-path {extension}", "-ex", f"source {extension}"]
    for number, text in enumerate(parts):
        script = folder / f"{number}.gdb"
        script.write_text(text)
        words += ["-x", str(script)]
    return [*words, "--args", *worker]


def has_stopped(folder: Path) -> bool:
    """Whether the worker stopped at a crash (or its exit)."""
    return (folder / "stopped").exists()


def status(said: str) -> int:
    """How the worker ended by what gdb ``said``: its exit status, or minus the first signal's number."""
    received = _RECEIVED.search(said)
    if received and received[1] in signal.Signals.__members__:
        return -signal.Signals[received[1]].value
    exited = _EXITED.search(said)
    return int(exited[1], 8) if exited else 0


def refusal(said: str) -> str:
    """Why gdb could not trace the worker, in its words; "" where it could."""
    refused = _REFUSED.search(said)
    return refused[0] if refused else ""
