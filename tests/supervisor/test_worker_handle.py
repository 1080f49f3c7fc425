"""The supervisor's handle of a worker: its folder, its event pipe, its output, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from soak.events import Event, LastWords, Note, encode
from soak.supervisor.loop import Loop
from soak.supervisor.worker import OUTPUT_LIMIT, STDOUT, Worker
from tests.supervisor.harness import serving_loop, spec_in, story_entry

FINE = "@soak.scenario(seconds=1.0)\ndef story(target, rng):\n    yield\n"
WORDS = LastWords(t=1.0, worker=1, reason="count", iterations=3)


def handle(tmp_path: Path, loop: Loop, heard: list[Event] | None = None) -> Worker:
    entry = story_entry(tmp_path, FINE)
    return Worker(loop, spec_in(tmp_path, entry), entry, (heard if heard is not None else []).append)


def test_a_worker_has_a_folder_of_its_own_from_the_start(tmp_path: Path) -> None:
    """cwd, tmp and a flight file whose blocks are all there: a full disk does not kill through the map."""
    with serving_loop() as (loop, _serve_until):
        worker = handle(tmp_path, loop)
        assert {path.name for path in worker.folder.iterdir()} == {"cwd", "tmp", "flight"}
        stat = (worker.folder / "flight").stat()
        assert stat.st_blocks * 512 >= stat.st_size
        os.close(worker.write_end)
        worker.bury()


def test_events_are_heard_however_the_pipe_cuts_them(tmp_path: Path) -> None:
    """One line in two pieces, three lines in one piece, and what came before listen()."""
    heard: list[Event] = []
    line = encode(WORDS)
    with serving_loop() as (loop, serve_until):
        worker = handle(tmp_path, loop, heard)
        os.write(worker.write_end, line * 3 + line[:10])
        worker.listen()
        serve_until(lambda: len(heard) == 3, "three events")
        os.write(worker.write_end, line[10:])
        serve_until(lambda: len(heard) == 4, "the fourth event")
        os.close(worker.write_end)
        worker.bury()
    assert heard == [WORDS] * 4
    assert worker.last_words == WORDS


def test_burial_hears_what_is_still_in_the_pipe(tmp_path: Path) -> None:
    """A worker's last words count although nobody listened when it died."""
    heard: list[Event] = []
    with serving_loop() as (loop, _serve_until):
        worker = handle(tmp_path, loop, heard)
        os.write(worker.write_end, encode(WORDS))
        os.close(worker.write_end)
        worker.bury()
    assert heard == [WORDS]


def test_garbage_in_the_pipe_is_a_note_and_hides_nothing(tmp_path: Path) -> None:
    """The target wrote into our descriptor: it is told, and the next event is heard."""
    heard: list[Event] = []
    with serving_loop() as (loop, _serve_until):
        worker = handle(tmp_path, loop, heard)
        os.write(worker.write_end, b"\xff\xfe hello\n[]\n" + encode(WORDS))
        os.close(worker.write_end)
        worker.bury()
    assert [type(event) for event in heard] == [Note, Note, LastWords]
    assert isinstance(heard[0], Note)
    assert "something else than soak wrote" in heard[0].text


def test_a_line_without_an_end_takes_bounded_memory(tmp_path: Path) -> None:
    """Megabytes without a newline are dropped, not gathered."""
    with serving_loop() as (loop, serve_until):
        worker = handle(tmp_path, loop)
        worker.listen()
        os.set_blocking(worker.write_end, False)
        written = 0

        def flood() -> bool:
            nonlocal written
            with contextlib.suppress(BlockingIOError):
                written += os.write(worker.write_end, b"x" * 65536)
            loop.later(0.0, lambda: None)
            return written > 12 << 20

        serve_until(flood, "twelve megabytes")
        assert len(worker._pending) <= (4 << 20) + 65536
        os.close(worker.write_end)
        worker.bury()


def test_output_is_bounded_and_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    """A gigabyte of stdout does not fill the disk; a descriptor that appends goes on writing."""
    with serving_loop() as (loop, _serve_until):
        worker = handle(tmp_path, loop)
        with (worker.folder / STDOUT).open("ab", 0) as out:
            out.write(b"the beginning\n" + b"\xff" * (OUTPUT_LIMIT + 1) + b"the middle\n")
            worker.bound_output()
            out.write(b"the end\n")
        text = (worker.folder / STDOUT).read_bytes()
        assert len(text) < OUTPUT_LIMIT
        assert text.startswith(b"[soak: ")
        assert text.endswith(b"the middle\nthe end\n")
        assert (worker.folder / f"{STDOUT}.head").read_bytes().startswith(b"the beginning")
        os.close(worker.write_end)
        worker.bury()


def test_evidence_is_what_holds_something(tmp_path: Path) -> None:
    """Empty and missing files are no evidence; paths are relative to the run's folder."""
    with serving_loop() as (loop, _serve_until):
        worker = handle(tmp_path, loop)
        (worker.folder / "stdout").touch()
        (worker.folder / "stderr").write_text("words")
        (worker.folder / "cwd" / "MUJOCO_LOG.TXT").write_text("ERROR: x")
        assert worker.evidence("ring-0.flight") == ("workers/1/stderr", "workers/1/cwd/MUJOCO_LOG.TXT")
        assert worker.text("stderr") == "words"
        assert worker.text("nothing") == ""
        os.close(worker.write_end)
        worker.bury()


def test_signals_reach_the_process_and_no_other(tmp_path: Path) -> None:
    """Through a pidfd: after its end, a signal goes nowhere and raises nothing."""
    with serving_loop() as (loop, _serve_until):
        worker = handle(tmp_path, loop)
        with subprocess.Popen(["sleep", "600"]) as process:
            worker.launched(process.pid)
            worker.kill("hang")
            assert process.wait() == -signal.SIGKILL
        worker.signal(signal.SIGTERM)
        worker.kill("interrupt")
        assert worker.asked == "hang", "the first reason counts"
        os.close(worker.write_end)
        worker.bury()


def test_a_process_that_was_gone_before_it_was_known_is_no_error(tmp_path: Path) -> None:
    """It crashed within microseconds, and its zygote reaped it."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    with serving_loop() as (loop, _serve_until):
        worker = handle(tmp_path, loop)
        worker.launched(process.pid)
        worker.kill("")
        os.close(worker.write_end)
        worker.bury()
        worker.ask_to_stop()
        assert (worker.pid, worker.asked) == (process.pid, "")


@pytest.mark.parametrize("times", [1, 50])
def test_burial_leaves_no_descriptor(tmp_path: Path, times: int) -> None:
    """As many descriptors after as before, one worker or fifty."""
    with serving_loop() as (loop, _serve_until):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(times):
            folder = tmp_path / str(number)
            folder.mkdir()
            worker = handle(folder, loop)
            worker.launched(os.getpid())
            os.close(worker.write_end)
            worker.bury()
        assert len(list(Path("/proc/self/fd").iterdir())) == before
