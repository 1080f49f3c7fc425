"""How runs end: by signals, by a full disk, by kill -9; and what is left then: nobody, and the evidence."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from pathlib import Path

import pytest

from soak.events import Kind, RunEnded, Sighted, Verdict, WorkerEnded, WorkerStarted
from soak.report.fold import read_events
from tests.cli.command import Soak, alive, wait_gone

#: A run that works until somebody ends it.
BUSY = """
@soak.scenario(seconds=0.05)
def busy(target, rng):
    yield

@busy.operation(threads=2)
def work(state, rng):
    time.sleep(0.001)
"""

#: It tells where it is, then never comes back; with the GIL held, where GIL is "held".
STUCK = """
import ctypes

@soak.scenario(seconds=60.0)
def stuck(target, rng):
    yield

@stuck.operation(threads=1)
def wait_for_ever(state, rng):
    open(os.environ["INSIDE"], "w").close()
    (ctypes.PyDLL if os.environ["GIL"] == "held" else ctypes.CDLL)(None).pause()
"""

#: A process that its own worker cannot reach any more, and that says who it is.
GRANDCHILD = """
@soak.scenario(seconds=60.0, rounds=1)
def parent(target, rng):
    yield

@parent.operation(threads=1)
def leave_one(state, rng):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            with open(os.environ["WHO"] + ".tmp", "w") as file:
                file.write(str(os.getpid()))
            os.rename(os.environ["WHO"] + ".tmp", os.environ["WHO"])
            os.execvp("sleep", ["sleep", "600"])
        os._exit(0)
    os.waitpid(pid, 0)
    while not os.path.exists(os.environ["WHO"]):
        time.sleep(0.001)
    time.sleep(600)
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_run_with_its_report(soak: Soak, number: signal.Signals, code: int) -> None:
    """Workers end by themselves, the report is printed and filed, the exit code names the signal."""
    running = soak.start("run", soak.story(BUSY), "--minutes", "5")
    worker = running.wait_for(WorkerStarted)
    running.send(number)
    done = running.finish()
    assert done.code == code
    assert done.stdout.startswith("INTERRUPTED")
    assert number.name in done.stdout
    (ended,) = done.of(RunEnded)
    assert ended.verdict is Verdict.INTERRUPTED
    assert not alive(worker.pid)
    assert [event.last_words for event in done.of(WorkerEnded)] == [True]


@pytest.mark.parametrize("gil", ["free", "held"])
def test_a_signal_ends_a_run_whose_worker_hangs(soak: Soak, gil: str) -> None:
    """A worker that does not answer, even one that holds the GIL, is killed; that is no finding."""
    inside = soak.folder / "inside"
    running = soak.start("run", soak.story(STUCK), "--minutes", "5", env={"INSIDE": str(inside), "GIL": gil})
    running.wait_exists(inside)
    worker = running.wait_for(WorkerStarted)
    running.send(signal.SIGINT)
    done = running.finish(within=30.0)
    assert done.code == 130
    assert not alive(worker.pid)
    assert done.of(Sighted) == []
    assert done.of(WorkerEnded)[0].asked == "interrupt"


def test_a_second_signal_kills_at_once(soak: Soak) -> None:
    """The first asks; the second does not wait for the answer."""
    inside = soak.folder / "inside"
    story = soak.story(STUCK)
    running = soak.start("run", story, "--minutes", "5", env={"INSIDE": str(inside), "GIL": "held"})
    running.wait_exists(inside)
    worker = running.wait_for(WorkerStarted)
    running.send(signal.SIGINT)
    running.send(signal.SIGINT)
    assert wait_gone([worker.pid], within=30.0) == []
    assert running.finish(within=30.0).code == 130


def test_findings_of_an_interrupted_run_are_told(soak: Soak) -> None:
    """Exit code 130 hides nothing: what was found before is in the report and in the store."""
    story = soak.story(BUSY + "    soak.always(False, 'never tired')\n")
    running = soak.start("run", story, "--minutes", "5")
    running.wait_for(Sighted)
    running.send(signal.SIGINT)
    done = running.finish()
    assert done.code == 130
    assert "1 finding so far (1 violation)" in done.stdout
    assert f"soak repro {done.finding().name}" in done.stdout


def test_a_signal_ends_a_run_whose_target_never_finishes_its_import(soak: Soak) -> None:
    """The zygote that imports hears nothing; it is killed all the same."""
    imported = soak.folder / "imported"
    soak.story(f"open({str(imported)!r}, 'w').close()\ntime.sleep(600)", "never.py")
    words = ("run", soak.story(BUSY), "--minutes", "5", "--target", "never:Sim")
    running = soak.start(*words)
    running.wait_exists(imported)
    below = [process.pid for process in running.descendants()]
    running.send(signal.SIGINT)
    assert running.finish(within=30.0).code == 130
    assert wait_gone(below, within=20.0) == []


def test_after_kill_9_of_the_supervisor_nobody_is_left(soak: Soak) -> None:
    """Zygote, worker, and a double-forked grandchild in a process session of its own: gone soon after. The
    stream tells the run afterwards, and why it ended."""
    who = soak.folder / "who"
    running = soak.start("run", soak.story(GRANDCHILD), "--minutes", "5", env={"WHO": str(who)})
    running.wait_exists(who)
    grandchild = int(who.read_text())
    below = [process.pid for process in running.descendants()]
    assert grandchild in below
    assert len(below) >= 3
    running.send(signal.SIGKILL)
    assert running.process.wait() == -signal.SIGKILL
    assert wait_gone(below, within=20.0) == []
    told = soak("report")
    assert told.code == 0
    assert "the supervisor was killed" in told.stdout
    assert soak("run", soak.story(BUSY), "--count", "1").code == 0, "the lock of the dead is free"


def test_after_kill_9_in_the_middle_of_a_diagnosis_nobody_is_left(soak: Soak) -> None:
    """The helper that reads a hanging worker's stacks goes too, and so does the worker that it stopped."""
    looking = soak.folder / "looking"
    package = soak.folder / "shadow" / "pystack"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        f"import time\nopen({str(looking)!r}, 'w').close()\ntime.sleep(600)\n"
    )
    env = {
        "PYTHONPATH": f"{package.parent}{os.pathsep}{os.environ['PYTHONPATH']}",
        "INSIDE": str(soak.folder / "inside"),
        "GIL": "held",
    }
    running = soak.start("run", soak.story(STUCK), "--minutes", "5", "--hang-after", "0.5", env=env)
    running.wait_exists(looking)
    below = [process.pid for process in running.descendants()]
    assert len(below) >= 3
    running.send(signal.SIGKILL)
    running.process.wait()
    assert wait_gone(below, within=20.0) == []


def test_a_run_kills_what_a_dead_worker_left(soak: Soak) -> None:
    """The worker is killed by a signal: its grandchild goes with it, and a note names it."""
    who = soak.folder / "who"
    story = soak.story(GRANDCHILD.replace("time.sleep(600)", "os.kill(os.getpid(), signal.SIGKILL)"))
    done = soak("run", story, "--count", "1", "--json", env={"WHO": str(who)})
    grandchild = int(who.read_text())
    assert wait_gone([grandchild], within=20.0) == []
    # By its number: it said who it is before it became `sleep`, and may not have come to that.
    assert [note for note in done.document()["notes"] if f"left process {grandchild} (" in note]


@pytest.mark.parametrize("victim", ["zygote", "worker"])
def test_a_kill_from_outside_does_not_end_a_run(soak: Soak, victim: str) -> None:
    """Somebody kills the zygote or the worker: the run says so, and goes on to the end of its count."""
    inside = soak.folder / "inside"
    story = soak.story(
        """
        @soak.scenario(seconds=60.0, rounds=1)
        def patient(target, rng):
            yield

        @patient.operation(threads=1)
        def wait_once(state, rng):
            if not os.path.exists(os.environ["INSIDE"]):
                open(os.environ["INSIDE"], "w").close()
                time.sleep(600)
        """
    )
    running = soak.start("run", story, "--count", "4", "--json", env={"INSIDE": str(inside)})
    running.wait_exists(inside)
    worker = running.wait_for(WorkerStarted)
    zygote = int(Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(zygote if victim == "zygote" else worker.pid, signal.SIGKILL)
    done = running.finish()
    document = done.document()
    assert document["iterations"] == 3
    assert [finding["kind"] for finding in document["findings"]] == ["infra"]
    assert not alive(worker.pid)
    if victim == "zygote":
        assert [note for note in document["notes"] if "zygote of patient died of SIGKILL" in note]


def test_zygotes_that_keep_dying_end_the_run(soak: Soak) -> None:
    """A target that kills its parent every time cannot be soaked: three times, then a clear end."""
    story = soak.story(
        BUSY.replace("    yield", "    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(600)\n    yield")
    )
    done = soak("run", story, "--minutes", "5")
    assert done.code == 4
    assert "the zygote of busy died of SIGKILL" in done.stderr


def test_a_disk_that_fills_ends_the_run_and_loses_nothing(soak: Soak) -> None:
    """Exit code 4; every line of the stream is whole, the finding is readable, the report can be made."""
    story = soak.story(
        BUSY.replace("time.sleep(0.001)", "soak.always(False, 'small things')")
        + "long = [busy.sometimes(f'{number}' * 1000) for number in range(10, 20)]\n"
    )
    done = soak("run", story, "--count", "5000", limit=(resource.RLIMIT_FSIZE, 400_000))
    assert done.code == 4
    assert "--out" in done.stderr
    stream = done.runs()[-1] / "events.jsonl"
    assert None not in list(read_events(stream))
    assert stream.stat().st_size <= 400_000
    assert json.loads((done.finding() / "finding.json").read_text())["count"] >= 1
    assert "small things" in soak("show", done.finding().name).stdout
    assert "small things" in soak("report").stdout


def test_a_full_file_system_is_told_and_is_no_finding_of_the_target(soak: Soak) -> None:
    """A file system of 3 MB that the target fills: exit code 4, and no crash is blamed on the target."""
    full = soak.folder / "small"
    full.mkdir()
    if os.system(f"mount -t tmpfs -o size=3m none {full} 2>/dev/null") != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        story = soak.story(
            BUSY.replace(
                "time.sleep(0.001)",
                "open(os.path.join(os.environ['FULL'], str(rng.random())), 'wb', 0).write(b'x' * 100_000)",
            ).replace("threads=2", "threads=2, expects=(OSError,)")
        )
        words = ("run", story, "--minutes", "0.2", "--out", str(full / "out"))
        done = soak(*words, env={"FULL": str(full)})
        assert done.code == 4, done.stderr
        assert not [kind for kind in _kinds(done.runs()[-1] / "events.jsonl") if kind is Kind.CRASH]
    finally:
        os.system(f"umount -l {full}")


def _kinds(stream: Path) -> list[Kind]:
    return [event.kind for event in read_events(stream) if isinstance(event, Sighted)]


def test_a_run_of_many_deaths_does_not_leave_descriptors_or_processes(soak: Soak) -> None:
    """Forty workers die; the supervisor has as many descriptors after the last as after the fifth."""
    story = soak.story(BUSY.replace("time.sleep(0.001)", "os._exit(9)"))
    running = soak.start("run", story, "--count", "40")
    counts: dict[int, int] = {}
    while running.process.poll() is None:
        ended = sum(isinstance(event, WorkerEnded) for event in running.stream())
        try:
            counts[ended] = len(list(Path(f"/proc/{running.pid}/fd").iterdir()))
        except OSError:
            break
        time.sleep(0.005)
    done = running.finish()
    assert done.code == 1
    assert len(done.of(WorkerEnded)) == 40
    late = [count for ended, count in counts.items() if ended > 5]
    assert max(late) - min(late) < 20, counts
