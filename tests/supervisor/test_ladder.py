"""From silence to a kill: native stacks where the machine allows them, cores or reasons where it does not."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from pathlib import Path

import pytest

from soak.events import Evidence, Sighted, Stuck, WorkerEnded
from soak.findings.signature import signature
from soak.supervisor.stacks_cores import core_pattern
from tests.cli.command import Done, Soak

#: Two threads: one works, one waits for ever inside a named operation.
HANGS = """
@soak.scenario(seconds=60.0)
def hangs(target, rng):
    yield

@hangs.operation(threads=1)
def work(state, rng):
    time.sleep(0.001)

@hangs.operation(threads=1)
def wait_for_ever(state, rng):
    with soak.doing("fetch_robot"):
        threading.Event().wait()
"""

CRASHES = """
@soak.scenario(seconds=5.0, rounds=1)
def crashes(target, rng):
    yield

@crashes.operation(threads=1)
def follow_null(state, rng):
    import ctypes
    ctypes.string_at(0)
"""

HANG = ("--count", "1", "--hang-after", "0.5", "--json")

needs_cores = pytest.mark.skipif(
    not core_pattern() or core_pattern().startswith("|") or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0,
    reason="this machine leaves no core files in the worker's folder; `sysctl kernel.core_pattern=core`",
)


def kept(done: Done) -> dict[str, str]:
    """The texts that are kept with the only occurrence of the only finding, by file name."""
    folder = done.finding() / "1"
    return {path.name: path.read_text(errors="replace") for path in folder.iterdir() if path.is_file()}


def without_ptrace(soak: Soak) -> dict[str, str]:
    """An environment in which looking at a process from outside fails as without the right to."""
    package = soak.folder / "shadow" / "pystack"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import runpy, sys\n"
        "if sys.argv[1] == 'remote':\n"
        "    sys.exit('Operation not permitted: the process cannot be traced')\n"
        "sys.path = [path for path in sys.path if not path.endswith('shadow')]\n"
        "for name in [name for name in sys.modules if name.startswith('pystack')]:\n"
        "    del sys.modules[name]\n"
        "runpy.run_module('pystack', run_name='__main__', alter_sys=True)\n"
    )
    return {"PYTHONPATH": f"{package.parent}{os.pathsep}{os.environ['PYTHONPATH']}"}


def test_a_hang_says_which_thread_sits_in_what(soak: Soak) -> None:
    """The event names the thread, the operation and the others; stacks from outside and inside are kept."""
    done = soak("run", soak.story(HANGS), *HANG)
    (stuck,) = done.of(Stuck)
    assert stuck.doing == "fetch_robot"
    assert stuck.seconds >= 0.5
    assert not stuck.starved
    assert any("work" in other for other in stuck.others)
    texts = kept(done)
    assert "wait_for_ever" in texts["native.txt"]
    assert "wait_for_ever" in texts["fault.txt"]
    (sighted,) = done.of(Sighted)
    assert sighted.frames


@needs_cores
def test_without_ptrace_a_hang_is_aborted_for_its_core(soak: Soak) -> None:
    """The worker ends by soak's own hand, its core is read, and that is no crash of its own."""
    done = soak("run", soak.story(HANGS), *HANG, env=without_ptrace(soak))
    assert [finding["kind"] for finding in done.document()["findings"]] == ["hang"]
    (ended,) = done.of(WorkerEnded)
    assert ended.asked == "hang"
    # A dump from inside may kill a process whose threads run on: then it is not SIGABRT that leaves the core.
    assert ended.status in (-signal.SIGABRT, -signal.SIGSEGV)
    reasons = [event.problem for event in done.of(Evidence) if event.problem]
    assert "ptrace is not permitted" in reasons[0]
    assert "wait_for_ever" in kept(done)["native.txt"]
    assert done.document()["findings"][0]["missing"] == {}


def test_without_ptrace_and_cores_the_reason_is_told(soak: Soak) -> None:
    """Nothing native can be had: the finding stands, Python's stacks are kept, both reasons are told."""
    done = soak(
        "run",
        soak.story(HANGS),
        *HANG,
        env=without_ptrace(soak),
        limit=(resource.RLIMIT_CORE, 0),
    )
    (finding,) = done.document()["findings"]
    assert finding["kind"] == "hang"
    reasons = " ".join(event.problem for event in done.of(Evidence))
    assert "ptrace is not permitted" in reasons
    texts = kept(done)
    assert "wait_for_ever" in texts["fault.txt"]
    assert "native.txt" not in texts
    assert "ptrace is not permitted" in finding["missing"]["native.txt"]
    assert "ulimit -Hc" in finding["missing"]["native.txt"]


def test_without_cores_a_crash_has_its_python_stack_and_the_reason(soak: Soak) -> None:
    """A hard limit of 0 for core files: the reason names it and what to do."""
    done = soak(
        "run",
        soak.story(CRASHES),
        "--count",
        "1",
        "--json",
        limit=(resource.RLIMIT_CORE, 0),
    )
    (finding,) = done.document()["findings"]
    assert finding["kind"] == "crash"
    assert "ulimit -Hc" in finding["missing"]["native.txt"]
    assert "follow_null" in kept(done)["fault.txt"]


@needs_cores
def test_a_crash_has_the_native_stack_of_its_core(soak: Soak) -> None:
    """Python's and C's frames in one text, and no core is left behind on the disk."""
    done = soak("run", soak.story(CRASHES), "--count", "1", "--json")
    native = kept(done)["native.txt"]
    assert "follow_null" in native
    assert "string_at" in native
    assert "(C)" in native
    assert not list(done.out.rglob("core*"))


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="a process without the right to ptrace needs root and setpriv to be made",
)
def test_a_process_that_may_not_be_looked_at_is_a_reason(soak: Soak) -> None:
    """The target forbids it (PR_SET_DUMPABLE) and root's right is taken away: a hang with a reason."""
    forbids = "import ctypes\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"
    story = soak.story(forbids + HANGS)
    prefix = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-all")
    done = soak("run", story, *HANG, prefix=prefix)
    (finding,) = done.document()["findings"]
    assert finding["kind"] == "hang"
    assert [event.problem for event in done.of(Evidence) if event.problem]


def test_many_hits_of_one_finding_are_not_all_looked_at_natively(soak: Soak) -> None:
    """The first three native stacks of a finding tell enough; later deaths cost only the core's removal."""
    done = soak("run", soak.story(CRASHES), "--count", "6", "--json")
    (finding,) = done.document()["findings"]
    assert finding["count"] == 6
    assert len({event.sighting for event in done.of(Evidence)}) == 3
    folders = [path for path in Path(done.finding()).iterdir() if path.is_dir()]
    assert len(folders) == 6


#: One holder that never gets on, and victims of three kinds: which of them is noticed first is chance.
DEADLOCK = """
class Arm:
    def __init__(self):
        self.lock, self.held = threading.Lock(), threading.Event()

    def remove(self):
        with self.lock:
            self.held.set()
            threading.Event().wait()

    def look(self):
        self.held.wait()
        with self.lock:
            pass

@soak.scenario(seconds=60.0)
def deadlock(target, rng):
    yield Arm()

@deadlock.operation(threads=1)
def remove(arm, rng):
    arm.remove()

@deadlock.operation(threads=2)
def look(arm, rng):
    arm.look()

@deadlock.operation(threads=1)
def list_all(arm, rng):
    arm.held.wait()
    with arm.lock:
        pass
"""


@pytest.mark.parametrize("may_look", [True, False])
def test_a_deadlock_is_named_by_the_thread_that_holds_the_lock(soak: Soak, may_look: bool) -> None:
    """The same finding whether stacks are read from outside or dumped from inside, and whoever was first."""
    env = {} if may_look else without_ptrace(soak)
    story = soak.story(DEADLOCK, "stories/story.py")
    done = soak("run", story, "--count", "1", "--hang-after", "2", "--json", env=env)
    (sighted,) = done.of(Sighted)
    (blocked,) = sighted.blocked
    assert (blocked.doing, blocked.holds) == ("remove", ("lock",))
    assert signature(sighted).parts == ("hang", "remove (stories/story.py)")
