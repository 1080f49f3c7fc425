"""``soak repro --gdb``: try until it crashes under gdb, and show the stacks of that moment."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from soak.cli.exits import Exit, MachineProblem, UsageProblem
from soak.cli.session import answer, say
from soak.cli.subject import Stand, Subject
from soak.events import Kind
from soak.files import write_whole
from soak.findings.signature import signature
from soak.supervisor import debugger
from soak.supervisor.plan import Plan, worker_environment
from soak.triage.debugged import Debugged, debug

#: What ends in the middle of something that a debugger can stop at.
_KINDS = (Kind.CRASH, Kind.EXIT)
_FAULT_LINES = 60


def the_gdb(subject: Subject, *, as_json: bool) -> str:
    """The gdb that can stop at ``subject``.

    Raises:
        UsageProblem: it is nothing to stop at, or a document is asked for.
        MachineProblem: there is no gdb.
    """
    if subject.kind not in _KINDS:
        raise UsageProblem(
            f"--gdb stops at a crash, and {subject.id} is a {subject.kind.value}: "
            f"`soak show {subject.id}` has its stacks"
        )
    if as_json:
        raise UsageProblem("--gdb prints stacks, for people, and has no --json; leave one of them out")
    gdb = debugger.find_gdb()
    if gdb is None:
        raise MachineProblem("--gdb: expected gdb on the PATH, found none; apt-get install gdb")
    return gdb


def repro_gdb(subject: Subject, here: Stand, plan: Plan, *, gdb: str) -> int:
    """Try at most ``plan.count`` times (without end if None) until something stops; 1 when it did, else 0.

    On a terminal gdb stays at its prompt there.

    Raises:
        MachineProblem: gdb may not trace.
    """
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    tries = 0
    while plan.count is None or tries < plan.count:
        tries += 1
        tried = _try(subject, here, plan, gdb=gdb, interactive=interactive)
        if tried.refusal:
            raise MachineProblem(
                f"--gdb: gdb may not trace here ({tried.refusal}); allow ptrace, for example with "
                "`sysctl kernel.yama.ptrace_scope=0` or the container's --cap-add SYS_PTRACE"
            )
        if tried.late:
            say(f"soak: try {tries} hung under gdb, and was killed")
        if tried.stopped:
            answer(_told(subject, tried, tries, plan.out))
            return Exit.FINDINGS
        if tried.sighted:
            came = ", ".join(name for name, _ in _named(subject, tried))
            say(f"soak: try {tries}: no stop; what came: {came}")
    answer(
        f"brought back 0/{tries} under gdb, which changes the timing; try more with --count or --until-hit"
    )
    return Exit.CLEAN


def _try(subject: Subject, here: Stand, plan: Plan, *, gdb: str, interactive: bool) -> Debugged:
    folder = Path(tempfile.mkdtemp(prefix="gdb-", dir=plan.out)).resolve()
    try:
        return debug(
            plan,
            here.entry,
            here.interpreter,
            worker_environment(here.entry, here.interpreter.python_path),
            folder / "worker",
            gdb=gdb,
            at_exit=subject.kind is Kind.EXIT,
            interactive=interactive,
        )
    except OSError as error:
        raise MachineProblem(f"--gdb: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _told(subject: Subject, tried: Debugged, tries: int, out: Path) -> str:
    """The stacks, kept in a file too, and last which finding they are of."""
    if not tried.said:
        return f"{subject.id}: stopped at try {tries}, under gdb on this terminal"
    text = tried.said.rstrip()
    if debugger.PY_BT not in text and tried.fault:
        fault = "\n".join(tried.fault.strip().splitlines()[:_FAULT_LINES])
        text += f"\n\n-- Python frames, by faulthandler --\n{fault}"
    # What was asked for, if it is among them.
    seen = sorted(_named(subject, tried), key=lambda each: not each[1])
    name = seen[0][0] if seen else subject.id
    file = out / "gdb" / f"{name}.txt"
    file.parent.mkdir(exist_ok=True)
    write_whole(file, text + "\n")
    verdict = f"stopped at {name}" if name == subject.id else f"stopped at a different finding: {name}"
    return f"{text}\n\n{verdict}, try {tries}; kept in {file}"


def _named(subject: Subject, tried: Debugged) -> list[tuple[str, bool]]:
    """What a try has shown, by name, and whether that is the finding that was asked for."""
    return [
        (subject.id, True) if subject.is_seen_in(sighted) else (signature(sighted).id, False)
        for sighted in tried.sighted
    ]
