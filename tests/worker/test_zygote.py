"""The zygote: forks workers or spawns them, adopts what they leave running, and kills it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from soak import kernel
from soak.supervisor.launcher import Launcher
from tests.cli.command import alive, wait_gone
from tests.supervisor.harness import home_in, serving_loop, story_entry
from tests.supervisor.test_launcher import FINE, Ears, launch

#: A sleeper in a process session of its own, whose parent is gone; it says who it is.
LEAVES_ONE = """
@soak.scenario(seconds=5.0, rounds=1)
def story(target, rng):
    yield

@story.operation(threads=1)
def leave_one(state, rng):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            with open(os.environ["WHO"], "w") as file:
                file.write(str(os.getpid()))
            os.execvp("sleep", ["sleep", "612"])
        os._exit(0)
    os.waitpid(pid, 0)
    while not os.path.exists(os.environ["WHO"]):
        time.sleep(0.001)
"""


def one_worker(tmp_path: Path, source: str, *, fresh: bool = False, **environment: str) -> Ears:
    """Start a zygote on ``source``, run one worker to its end, hang up; returns what was heard."""
    entry, ears = story_entry(tmp_path, source, fresh=fresh), Ears()
    with serving_loop() as (loop, serve_until):
        launcher = Launcher(loop, home_in(tmp_path, **environment), entry, "", ears)
        serve_until(lambda: ears.has("ready"), "ready zygote")
        worker = launch(loop, launcher, tmp_path, entry)
        serve_until(lambda: ears.has("ended"), "end of the worker")
        worker.bury()
        launcher.close()
        serve_until(lambda: ears.has("gone"), "end of the zygote")
    return ears


def left_of(ears: Ears) -> list[kernel.Process]:
    ((_status, left),) = ears.of("ended")
    found: list[kernel.Process] = left
    return found


def test_a_worker_shares_what_the_zygote_imported(tmp_path: Path) -> None:
    """The scenario's file is imported once, in the zygote; workers are forked from there."""
    imports, workers = tmp_path / "imports", tmp_path / "workers.txt"
    source = f"""
open({str(imports)!r}, 'a').write(f'{{os.getpid()}}\\n')
{FINE}
@story.operation(threads=1)
def who(state, rng):
    with open({str(workers)!r}, 'a') as file:
        file.write(f'{{os.getppid()}} {{os.getsid(0) == os.getpid()}}\\n')
"""
    ears = one_worker(tmp_path, source)
    assert ears.of("ready") == [("fork", "")]
    (zygote,) = imports.read_text().split()
    assert workers.read_text() == f"{zygote} True\n"


def test_fresh_workers_are_spawned(tmp_path: Path) -> None:
    """fresh=True: the zygote does not import the scenario's file, its worker does."""
    imports = tmp_path / "imports"
    source = f"open({str(imports)!r}, 'a').write(f'{{os.getpid()}}\\n')\n{FINE}"
    ears = one_worker(tmp_path, source, fresh=True)
    assert ears.of("ready") == [("spawn", "")]
    assert [int(pid) for pid in imports.read_text().split()] == [ears.of("launched")[0][0]]
    assert ears.of("ended") == [(0, [])]


def test_a_target_that_starts_threads_at_import_gets_spawned_workers(tmp_path: Path) -> None:
    """Threads do not survive a fork, their locks do: the reason is told, with their names."""
    source = f"threading.Thread(target=time.sleep, args=(600,), daemon=True, name='pump').start()\n{FINE}"
    ears = one_worker(tmp_path, source)
    assert ears.of("ready") == [("spawn", "importing the target started threads: pump")]
    assert ears.of("ended") == [(0, [])]


def test_an_orphan_in_a_session_of_its_own_is_adopted_named_and_killed(tmp_path: Path) -> None:
    """It is told with its command and session when the worker ends, and is gone then."""
    who = tmp_path / "who"
    left = left_of(one_worker(tmp_path, LEAVES_ONE, WHO=str(who)))
    pid = int(who.read_text())
    assert [each.pid for each in left] == [pid]
    assert left[0].session != os.getsid(0)
    assert left[0].command == "sleep 612"
    assert not alive(pid)


def test_what_a_dead_worker_left_is_killed_too(tmp_path: Path) -> None:
    """The worker dies of SIGKILL right after: nobody is left."""
    who = tmp_path / "who"
    source = LEAVES_ONE + "    os.kill(os.getpid(), signal.SIGKILL)\n"
    ears = one_worker(tmp_path, source, WHO=str(who))
    assert ears.of("ended")[0][0] == -9
    assert int(who.read_text()) in [each.pid for each in left_of(ears)]
    assert wait_gone([int(who.read_text())], within=20.0) == []


def test_the_zygote_waits_for_no_adopted_child(tmp_path: Path) -> None:
    """An adopted orphan that ends by itself while the worker runs is reaped, and is not the worker's end."""
    source = """
@soak.scenario(seconds=5.0, rounds=20)
def story(target, rng):
    yield

@story.operation(threads=1)
def leave_a_short_one(state, rng):
    subprocess.run(["sh", "-c", "true & "], start_new_session=True)
"""
    ears = one_worker(tmp_path, source)
    assert len(ears.of("ended")) == 1
    assert ears.of("ended")[0][0] == 0


def test_the_status_is_the_workers_own(tmp_path: Path) -> None:
    """A signal as its negative number, an exit as its code: like Popen.returncode."""
    for body, status in (("os._exit(9)", 9), ("os.kill(os.getpid(), signal.SIGTERM)", -15)):
        folder = tmp_path / str(status)
        folder.mkdir()
        source = (
            f"{FINE}\n@story.operation(threads=1)\ndef end(state, rng):\n    {body}\n    time.sleep(600)\n"
        )
        heard: list[tuple[Any, ...]] = one_worker(folder, source).of("ended")
        assert heard == [(status, [])]
