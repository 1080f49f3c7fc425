"""A worker's surroundings: session, folders, descriptors, limits, signals, faulthandler."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from soak.events import Raised
from tests.worker.harness import ROOT, soak_story, start

LOOK = """
    import json, os, resource, signal, sys, tempfile

    @soak.scenario(seconds=0)
    def story(target, rng):
        print(json.dumps({
            "session": os.getsid(0) == os.getpid() and os.getpgrp() == os.getpid(),
            "cwd": os.getcwd(),
            "tmp": tempfile.gettempdir(),
            "env": os.environ.get("SOAK_TEST"),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "filter": open("/proc/self/coredump_filter").read().strip(),
            "stdin": os.readlink("/proc/self/fd/0"),
            "term": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
            "int": signal.getsignal(signal.SIGINT) == signal.default_int_handler,
            "masked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        }))
        os.write(2, b"straight to 2\\n")
        print("words", file=sys.stderr)
        yield None
"""


def test_a_worker_lives_in_its_own_folder(tmp_path: Path) -> None:
    """Own session, cwd and TMPDIR; files for 1 and 2; the spec's environment; plain signals; no core."""
    outcome = soak_story(tmp_path, LOOK, env={"SOAK_TEST": "yes"})
    seen = json.loads(outcome.text("stdout"))
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    assert seen == {
        "session": True,
        "cwd": str(outcome.folder / "cwd"),
        "tmp": str(outcome.folder / "tmp"),
        "env": "yes",
        "core": [0, hard],
        "filter": seen["filter"],
        "stdin": "/dev/null",
        "term": True,
        "int": True,
        "masked": 0,
    }
    assert outcome.text("stderr") == "straight to 2\nwords\n"


def test_cores_are_allowed_where_wanted(tmp_path: Path) -> None:
    """With `cores` the soft limit is the hard one, and what is dumped is enough for a stack."""
    seen = json.loads(soak_story(tmp_path, LOOK, cores=True).text("stdout"))
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    assert seen["core"] == [hard, hard]
    assert int(seen["filter"], 16) == 0x33


def test_sigusr1_dumps_all_threads_to_the_fault_file(tmp_path: Path) -> None:
    """The supervisor's request is answered by every thread's stack, and the worker lives on."""
    worker = start(
        tmp_path,
        """
        import time
        from pathlib import Path

        @soak.scenario(seconds=3600)
        def story(target, rng):
            yield None

        @story.operation(threads=1)
        def wait_here(state, rng):
            Path("waiting").touch()
            while not soak.stopping():
                time.sleep(0.001)
        """,
    )
    worker.wait_exists("cwd/waiting")
    os.kill(worker.process.pid, signal.SIGUSR1)
    worker.ask_to_stop()
    outcome = worker.finish()
    assert outcome.last_words().reason == "asked"
    text = outcome.text("fault.txt")
    assert "in wait_here" in text
    assert "in wait_done" in text  # the main thread


def test_a_target_that_closes_and_floods_is_survived(tmp_path: Path) -> None:
    """Neither a closed or replaced stdout nor a double close of low numbers costs an event."""
    outcome = soak_story(
        tmp_path,
        """
        import os, sys

        @soak.scenario(seconds=60, rounds=50)
        def story(target, rng):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            yield None
            sys.stdout.close()
            os.close(1)
            os.closerange(3, 100)

        @story.operation(threads=2)
        def flood(state, rng):
            os.write(1, b"\\xff\\xfe" * 500)
        """,
        count=1,
    )
    assert outcome.last_words().reason == "count"
    assert outcome.status == 0
    assert (outcome.folder / "stdout").stat().st_size == 100_000


def test_a_flood_continues_at_the_end_of_a_cut_file(tmp_path: Path) -> None:
    """The output file is opened for appending: cut from outside, it stays small and has no hole."""
    worker = start(
        tmp_path,
        """
        import os
        from pathlib import Path

        @soak.scenario(seconds=3600, rounds=1)
        def story(target, rng):
            yield None

        @story.operation(threads=1)
        def speak(state, rng):
            os.write(1, b"x" * 100_000)
            Path("spoken").touch()
            while not Path("cut").exists():
                pass
            os.write(1, b"after")
        """,
    )
    worker.wait_exists("cwd/spoken")
    os.truncate(worker.folder / "stdout", 0)
    (worker.folder / "cwd" / "cut").touch()
    assert worker.finish().text("stdout") == "after"


def test_a_worker_whose_pipe_is_closed_ends(tmp_path: Path) -> None:
    """A worker without a supervisor does not soak on for nobody."""
    worker = start(
        tmp_path,
        """
        @soak.scenario(seconds=0)
        def story(target, rng):
            yield None
        """,
        count=0,
    )
    assert worker.next_event() is not None
    worker.hang_up()
    assert worker.process.wait(60) == 70


def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    """SIGKILL of the process that made the worker takes the worker along, busy as it is."""
    code = (
        "import os, signal, sys, time\n"
        "from soak.worker.settle import die_with_parent\n"
        "parent = os.getpid()\n"
        "if os.fork() == 0:\n"
        "    die_with_parent(parent)\n"
        "    os.write(1, b'x')\n"
        "    time.sleep(999)\n"
        "time.sleep(999)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert parent.stdout is not None
    with parent, parent.stdout as pipe:
        assert pipe.read(1) == b"x"
        parent.kill()
        assert pipe.read() == b""  # its end comes only once nobody holds the pipe


def test_a_worker_whose_parent_is_gone_already_ends_at_once(tmp_path: Path) -> None:
    """A parent that died before the kernel was told does not leave a worker behind."""
    code = "from soak.worker.settle import die_with_parent\ndie_with_parent(1 << 30)\nprint('alive')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (70, b"")


def test_keyboard_interrupts_are_not_for_the_harness_to_hide(tmp_path: Path) -> None:
    """SIGINT inside a worker does what it does in plain Python: here it interrupts set-up, as an error."""
    outcome = soak_story(
        tmp_path,
        """
        import os, signal, time

        @soak.scenario(seconds=0)
        def story(target, rng):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
            yield None
        """,
    )
    assert outcome.one(Raised).error == "KeyboardInterrupt"
