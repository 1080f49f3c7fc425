"""What the kernel does for us: orphans that are adopted, descendants that are found and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from soak import kernel
from tests.cli.command import alive, wait_gone

#: Prints the pid of a grandchild that has left session and group, and whose parent is gone; then waits.
_DOUBLE_FORK = """
import os, sys, time
pid = os.fork()
if pid == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(600)
    os._exit(0)
os.waitpid(pid, 0)
time.sleep(600)
"""


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def test_descendants_are_found_with_their_command_and_session() -> None:
    """A child and its child: both below us, named, each with its parent."""
    process = start("import subprocess; subprocess.run(['sleep', '600'])")
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found = kernel.descendants(process.pid)
            if [each.command for each in found] == ["sleep 600"]:
                break
            time.sleep(0.005)
        below = {each.pid: each for each in kernel.descendants(os.getpid())}
        assert process.pid in below
        assert below[process.pid].parent == os.getpid()
        (sleeper,) = found
        assert sleeper.command == "sleep 600"
        assert sleeper.parent == process.pid
        assert sleeper.session == os.getsid(sleeper.pid)
    finally:
        kernel_kill(process.pid)
        end(process)


def kernel_kill(root: int) -> None:
    for process in kernel.descendants(root):
        os.kill(process.pid, signal.SIGKILL)


def test_a_zombie_is_no_descendant() -> None:
    """It has ended; nobody has asked how."""
    process = start("pass")
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process.pid not in [each.pid for each in kernel.descendants(os.getpid())]
    assert not alive(process.pid)
    end(process)


def test_a_subreaper_adopts_and_kills_what_left_every_session() -> None:
    """The double-forked grandchild comes to the subreaper and not to init; a kill reaches it there."""
    body = (
        "import os, subprocess, sys\nfrom soak import kernel\nkernel.become_subreaper()\n"
        f"child = subprocess.Popen([sys.executable, '-c', {_DOUBLE_FORK!r}], stdout=subprocess.PIPE)\n"
        "grandchild = int(child.stdout.readline())\n"
        "below = {each.pid: each.parent for each in kernel.descendants(os.getpid())}\n"
        "met = kernel.kill_descendants(os.getpid())\n"
        "met = sorted(each.pid for each in met)\n"
        "gone = kernel.descendants(os.getpid()) == []\n"
        "print(grandchild, below[grandchild] == os.getpid(), met == sorted(below), gone)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", body], capture_output=True, text=True, check=True, timeout=60
    )
    pid, *facts = done.stdout.split()
    assert facts == ["True", "True", "True"]
    assert wait_gone([int(pid)], within=20.0) == []


def test_a_kill_spares_whom_it_is_told_to_spare() -> None:
    """The spared process and what is below it live on; the other one dies."""
    body = (
        "import os, subprocess\nfrom soak import kernel\n"
        "kept, other = (subprocess.Popen(['sleep', '600']) for _ in range(2))\n"
        "met = kernel.kill_descendants(os.getpid(), spare=frozenset({kept.pid}))\n"
        "print([each.pid for each in met] == [other.pid], kept.poll() is None, other.wait())\n"
        "kept.kill()\nkept.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", body], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["True", "True", "-9"]


def test_a_fork_bomb_in_the_making_is_killed_to_the_last() -> None:
    """A process whose children go on forking while they are killed: nobody is left."""
    bomb = "import os, time\nfor _ in range(6):\n    os.fork()\n    time.sleep(0.002)\ntime.sleep(600)\n"
    body = (
        "import os, subprocess, sys, time\nfrom soak import kernel\nkernel.become_subreaper()\n"
        f"subprocess.Popen([sys.executable, '-c', {bomb!r}])\n"
        "while len(kernel.descendants(os.getpid())) < 4:\n    time.sleep(0.001)\n"
        "kernel.kill_descendants(os.getpid())\nprint(len(kernel.descendants(os.getpid())))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", body], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "0"


def test_a_process_may_ask_to_die_with_its_parent(tmp_path: Path) -> None:
    """kill -9 of the parent takes it along."""
    child = "import os, sys, time; from soak import kernel; import signal\n"
    child += "kernel.set_parent_death_signal(signal.SIGKILL); print(os.getpid(), flush=True); time.sleep(600)"
    process = start(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])")
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert alive(pid)
    end(process)
    assert wait_gone([pid], within=5.0) == []
