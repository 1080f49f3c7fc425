"""The supervisor's end of a zygote: what it hears, from the import to the end, whoever causes it."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from soak import kernel
from soak.events import LastWords
from soak.supervisor.launcher import Launcher
from soak.supervisor.loop import Loop
from soak.supervisor.plan import Entry
from soak.supervisor.worker import Worker
from tests.cli.command import alive, wait_gone
from tests.supervisor.harness import home_in, serving_loop, spec_in, story_entry

FINE = """
@soak.scenario(seconds=5.0, rounds=1)
def story(target, rng):
    yield
"""


class Ears:
    """A listener that keeps what it heard, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def zygote_ready(self, how: str, reason: str) -> None:
        self.heard.append(("ready", how, reason))

    def zygote_failed(self, message: str) -> None:
        self.heard.append(("failed", message))

    def worker_launched(self, pid: int) -> None:
        self.heard.append(("launched", pid))

    def worker_ended(self, status: int, left: list[kernel.Process]) -> None:
        self.heard.append(("ended", status, left))

    def zygote_gone(self, status: int) -> None:
        self.heard.append(("gone", status))

    def has(self, what: str) -> bool:
        return any(words[0] == what for words in self.heard)

    def ended_are(self, count: int) -> bool:
        return len(self.of("ended")) == count

    def of(self, what: str) -> list[tuple[Any, ...]]:
        return [words[1:] for words in self.heard if words[0] == what]


def launch(loop: Loop, launcher: Launcher, folder: Path, entry: Entry, number: int = 1) -> Worker:
    """Ask for a worker, as a slot does."""
    worker = Worker(loop, spec_in(folder, entry, number), entry, lambda _event: None)
    launcher.launch(worker.spec, worker.write_end)
    return worker


def test_a_zygote_forks_one_worker_after_the_other(tmp_path: Path) -> None:
    """ready, then launched and ended for each; hung up on, it ends with status 0."""
    entry, ears = story_entry(tmp_path, FINE), Ears()
    with serving_loop() as (loop, serve_until):
        launcher = Launcher(loop, home_in(tmp_path), entry, "", ears)
        serve_until(lambda: ears.has("ready"), "ready zygote")
        for number in (1, 2, 3):
            worker = launch(loop, launcher, tmp_path, entry, number)
            serve_until(partial(ears.ended_are, number), "end of a worker")
            worker.bury()
            assert isinstance(worker.last_words, LastWords)
        launcher.close()
        serve_until(lambda: ears.has("gone"), "end of the zygote")
    assert ears.of("ready") == [("fork", "")]
    assert ears.of("ended") == [(0, [])] * 3
    assert len(set(ears.of("launched"))) == 3
    assert ears.of("gone") == [(0,)]


def test_what_cannot_be_imported_is_said(tmp_path: Path) -> None:
    """A target that is not there: `failed` with the words for the user, then the zygote ends."""
    entry, ears = story_entry(tmp_path, FINE), Ears()
    with serving_loop() as (loop, serve_until):
        Launcher(loop, home_in(tmp_path), entry, "no_such_module:Sim", ears)
        serve_until(lambda: ears.has("gone"), "end of the zygote")
    assert "No module named 'no_such_module'" in ears.of("failed")[0][0]
    assert not ears.has("ready")


def test_a_zygote_that_dies_at_import_is_gone(tmp_path: Path) -> None:
    """A native library that ends the process: its status, and nothing else."""
    entry, ears = story_entry(tmp_path, "os._exit(7)\n"), Ears()
    with serving_loop() as (loop, serve_until):
        Launcher(loop, home_in(tmp_path), entry, "", ears)
        serve_until(lambda: ears.has("gone"), "end of the zygote")
    assert ears.heard == [("gone", 7)]


def test_a_zygote_that_is_killed_takes_its_worker_along(tmp_path: Path) -> None:
    """The kernel kills the worker; the supervisor hears -9 of the zygote."""
    entry = story_entry(tmp_path, FINE.replace("    yield", "    time.sleep(600)\n    yield"))
    ears = Ears()
    with serving_loop() as (loop, serve_until):
        launcher = Launcher(loop, home_in(tmp_path), entry, "", ears)
        serve_until(lambda: ears.has("ready"), "ready zygote")
        worker = launch(loop, launcher, tmp_path, entry)
        serve_until(lambda: ears.has("launched"), "launched worker")
        (pid,) = ears.of("launched")[0]
        os.kill(launcher.pid, signal.SIGKILL)
        serve_until(lambda: ears.has("gone"), "end of the zygote")
        worker.bury()
    assert ears.of("gone") == [(-9,)]
    assert wait_gone([pid], within=5.0) == []


def test_hanging_up_kills_the_worker(tmp_path: Path) -> None:
    """close() while a worker runs: it is gone before the zygote is."""
    entry = story_entry(tmp_path, FINE.replace("    yield", "    time.sleep(600)\n    yield"))
    ears = Ears()
    with serving_loop() as (loop, serve_until):
        launcher = Launcher(loop, home_in(tmp_path), entry, "", ears)
        serve_until(lambda: ears.has("ready"), "ready zygote")
        worker = launch(loop, launcher, tmp_path, entry)
        serve_until(lambda: ears.has("launched"), "launched worker")
        launcher.close()
        serve_until(lambda: ears.has("gone"), "end of the zygote")
        worker.bury()
    assert not alive(ears.of("launched")[0][0])


def test_a_zygote_that_never_finishes_its_import_is_killed(tmp_path: Path) -> None:
    """Hung up on while it imports, it hears nothing; it is gone all the same, in bounded time."""
    begun = tmp_path / "begun"
    entry = story_entry(tmp_path, f"open({str(begun)!r}, 'w').close()\ntime.sleep(600)\n")
    ears = Ears()
    with serving_loop() as (loop, serve_until):
        launcher = Launcher(loop, home_in(tmp_path), entry, "", ears)

        def has_begun() -> None:
            if begun.exists():
                launcher.close()
            else:
                loop.later(0.01, has_begun)

        has_begun()
        serve_until(lambda: ears.has("gone"), "end of the zygote")
    assert ears.heard == [("gone", -9)]


def test_a_launch_that_nobody_hears_is_no_error(tmp_path: Path) -> None:
    """The zygote died a moment ago: asking it for a worker raises nothing, and its end is told."""
    entry, ears = story_entry(tmp_path, FINE), Ears()
    with serving_loop() as (loop, serve_until):
        launcher = Launcher(loop, home_in(tmp_path), entry, "", ears)
        serve_until(lambda: ears.has("ready"), "ready zygote")
        os.kill(launcher.pid, signal.SIGKILL)
        os.waitid(os.P_PID, launcher.pid, os.WEXITED | os.WNOWAIT)
        worker = launch(loop, launcher, tmp_path, entry)
        serve_until(lambda: ears.has("gone"), "end of the zygote")
        worker.bury()
    assert not ears.has("launched")


def test_what_an_import_prints_goes_to_the_zygotes_log(tmp_path: Path) -> None:
    """Its words are kept for people, and do not disturb the control socket."""
    entry, ears = story_entry(tmp_path, "print('hello from the import')\n" + FINE), Ears()
    with serving_loop() as (loop, serve_until):
        launcher = Launcher(loop, home_in(tmp_path), entry, "", ears)
        serve_until(lambda: ears.has("ready"), "ready zygote")
        launcher.close()
        serve_until(lambda: ears.has("gone"), "end of the zygote")
    assert "hello from the import" in (tmp_path / "zygote.log").read_text()
