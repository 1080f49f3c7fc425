"""What iterations leave behind: found with its name and site, told once, and never on a tidy target."""

from __future__ import annotations

from pathlib import Path

from soak.events import Beat, Residue
from soak.worker.residue import Thing
from soak.worker.rest import WARM_UP, Account
from tests.worker.harness import soak_story

LEAKY = """
    import os, socket, subprocess, tempfile, threading, time

    @soak.scenario(seconds=0)
    def story(target, rng):
        {leak}
        yield None
"""


def leaks(tmp_path: Path, leak: str, count: int = 5) -> list[Residue]:
    outcome = soak_story(tmp_path, LEAKY.format(leak=leak), count=count)
    assert outcome.last_words().reason == "count"
    assert outcome.last_words().iterations == count
    return outcome.of(Residue)


def the_leak(tmp_path: Path, leak: str, count: int = 5) -> Residue:
    """The only report, or a failure that shows all of them."""
    residues = leaks(tmp_path, leak, count)
    assert len(residues) == 1, residues
    return residues[0]


def test_a_leaked_thread_is_told_with_its_creation_site(tmp_path: Path) -> None:
    """One thread per iteration is one report, after the warm-up, that says where it was started."""
    residue = the_leak(
        tmp_path, "threading.Thread(target=time.sleep, args=(999,), name='pump-1', daemon=True).start()"
    )
    assert (residue.resource, residue.iteration) == ("thread", WARM_UP)
    (item,) = residue.items
    assert item.name == "pump-1"
    assert item.site.startswith("story (story0.py:")
    assert item.frames[0].function == "story"


def test_a_thread_of_a_pool_is_told_by_who_submitted(tmp_path: Path) -> None:
    """The site of an executor's thread is the line that submitted, not the executor's own."""
    residue = the_leak(
        tmp_path,
        "import concurrent.futures as f; pool = f.ThreadPoolExecutor(1); pool.submit(time.sleep, 30)",
        count=3,
    )
    assert residue.items[0].name.startswith("ThreadPoolExecutor-")
    assert residue.items[0].frames[0].function == "story"


def test_a_thread_is_told_even_while_others_end(tmp_path: Path) -> None:
    """A thread that outlives its iteration does not hide behind one of the warm-up that ends meanwhile."""
    residues = leaks(
        tmp_path,
        "old = globals().get('event'); globals()['event'] = event = threading.Event();"
        " old and old.set(); threading.Thread(target=event.wait, name='t', daemon=True).start()",
        count=3,
    )
    assert [residue.resource for residue in residues] == ["thread"]


def test_a_leaked_descriptor_is_told_with_its_goal(tmp_path: Path) -> None:
    """One descriptor per iteration is one report that says what it points to."""
    residue = the_leak(tmp_path, "os.open('../stdout', os.O_RDONLY)")
    assert (residue.resource, residue.after - residue.before) == ("descriptor", 1)
    assert [item.name for item in residue.items] == ["stdout"]


def test_different_leaks_are_told_apart(tmp_path: Path) -> None:
    """A pipe and a socket left by one iteration are two items."""
    residue = the_leak(tmp_path, "os.pipe(); socket.socket(socket.AF_UNIX).detach()")
    assert sorted(item.name for item in residue.items) == ["pipe", "socket"]


def test_what_libraries_keep_open_counts_from_the_second_time(tmp_path: Path) -> None:
    """A device opened once, late, is no leak; opened again and again it is."""
    once = "globals().setdefault('n', []).append(1); len(n) == 3 and os.open('/dev/urandom', os.O_RDONLY)"
    assert leaks(tmp_path, once) == []
    residue = the_leak(tmp_path, "os.open('/dev/urandom', os.O_RDONLY)")
    assert (residue.iteration, residue.items[0].name) == (WARM_UP + 1, "/dev/urandom")


def test_a_leaked_child_is_told_with_its_command(tmp_path: Path) -> None:
    """A child that still runs, and one that ended and that nobody waited for."""
    residue = the_leak(tmp_path, "globals().setdefault('c', []).append(subprocess.Popen(['sleep', '99']))", 3)
    assert (residue.resource, residue.items[0].name) == ("child", "sleep 99")
    residue = the_leak(tmp_path, "os.posix_spawn('/bin/true', ['true'], {})", 3)
    assert residue.items[0].name == "true (ended, not waited for)"


def test_a_leaked_file_is_told(tmp_path: Path) -> None:
    """A temporary file per iteration, or a file per iteration in the working directory, is one report."""
    residue = the_leak(tmp_path, "fd, name = tempfile.mkstemp(suffix='.xml'); os.close(fd)")
    assert residue.resource == "file"
    assert residue.items[0].name.startswith("tmp/tmp")
    residue = the_leak(tmp_path, "open(f'dump-{time.monotonic_ns()}', 'w').close()")
    assert residue.items[0].name.startswith("cwd/dump-")


def test_mujocos_log_and_cores_are_no_leak(tmp_path: Path) -> None:
    """The evidence that the supervisor collects is not counted."""
    leak = (
        "n = globals().setdefault('n', []); n.append(1); len(n) == 3 and open('MUJOCO_LOG.TXT', 'w').close()"
    )
    assert leaks(tmp_path, leak) == []


def test_a_tidy_target_leaves_nothing(tmp_path: Path) -> None:
    """Threads, descriptors, children and files that end with their iteration, or a little later, are fine."""
    tidy = """if True:
            late = threading.Timer(0.05, print)
            late.start()
            child = subprocess.Popen(["true"])
            child.wait()
            with tempfile.TemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
                open(folder + "/x", "w").close()
            cycle = [open("../stdout")]
            cycle.append(cycle)"""
    outcome = soak_story(tmp_path, LEAKY.format(leak=tidy), count=6)
    assert outcome.of(Residue) == []
    beats = outcome.of(Beat)
    assert len({beat.fds for beat in beats}) == 1


def test_what_was_reported_belongs_to_the_baseline() -> None:
    """An account reports growth once per pattern, and measures the next from there."""
    things = [Thing(key=1, name="pipe")]
    account = Account("descriptor", lambda: list(things))
    account.accept()
    assert account.excess() == []
    things.append(Thing(key=2, name="log-17"))
    excess = account.excess()
    assert [thing.name for thing in excess] == ["log-17"]
    assert account.matters(excess)
    assert [thing.name for thing in account.settle_up(excess)] == ["log-17"]
    assert account.excess() == []
    things.append(Thing(key=3, name="log-18"))
    assert not account.matters(account.excess())
    assert account.settle_up(account.excess()) == []


def test_a_thing_that_was_replaced_is_no_excess() -> None:
    """A descriptor that is closed and another opened in its stead leave the number as it was."""
    things = [Thing(key=1, name="log")]
    account = Account("descriptor", lambda: list(things))
    account.accept()
    things[0] = Thing(key=2, name="log")
    assert account.excess() == []
    things.append(Thing(key=3, name="pipe"))
    assert [thing.key for thing in account.excess()] == [3]
