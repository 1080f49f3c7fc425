"""Operations in processes of their own, forked by a real worker."""

from __future__ import annotations

import os
from pathlib import Path

from soak.events import Beat, LastWords, Phase, PromiseBroken, Raised, Residue
from tests.worker.harness import soak_story, start


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_processes_operate_and_are_counted(tmp_path: Path) -> None:
    """Processes beside threads have slots of their own, and what they do is counted like any thread's."""
    outcome = soak_story(
        tmp_path,
        """
        import os

        @soak.scenario(seconds=60, rounds=10)
        def story(target, rng):
            yield os.getpid()

        met = story.sometimes("a process worked")

        @story.operation(processes=2, expects=(KeyError,))
        def work(state, rng):
            assert os.getpid() != state
            assert not soak.stopping()
            met()
            with soak.doing(f"inside {os.getpid() % 2}"):
                soak.beat()
            raise KeyError(1)

        @story.operation(threads=1)
        def think(state, rng):
            assert os.getpid() == state
        """,
        count=3,
    )
    beat = outcome.of(Beat)[-1]
    assert (beat.operations, beat.accepted, beat.refused) == (90, 30, 60)
    assert beat.sometimes == {"a process worked": 60}
    assert outcome.last_words().reason == "count"
    main, think, *processes = outcome.snapshot().threads
    assert [thread.name for thread in (main, think)] == ["main", "think-0"]
    assert [thread.name for thread in processes] == ["work-p0", "work-p1"]
    assert len({main.native_id, *(process.native_id for process in processes)}) == 3
    for process in processes:
        labels = [entry.label for entry in process.ring]
        assert {label for label in labels if label != "work"} <= {"inside 0", "inside 1"}
        assert labels.count("work") == 30
        assert not process.doing


def test_each_process_makes_choices_of_its_own(tmp_path: Path) -> None:
    """A seed decides the choices of every process, and no two make the same."""
    source = """
        import os

        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield None

        @story.operation(processes=4)
        def work(state, rng):
            os.write(1, b"%d\\n" % rng.getrandbits(60))
        """
    first, again, other = (soak_story(tmp_path, source, seed=seed) for seed in (1, 1, 2))
    chosen = [set(outcome.text("stdout").split()) for outcome in (first, again, other)]
    assert len(chosen[0]) == 4
    assert chosen[0] == chosen[1]
    assert not chosen[0] & chosen[2]


def test_processes_begin_together(tmp_path: Path) -> None:
    """No process begins before all of them, and all threads, stand ready."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield None

        @story.operation(processes=3)
        def work(state, rng):
            pass

        @story.operation(threads=2)
        def think(state, rng):
            pass
        """,
    )
    states = outcome.snapshot().threads
    begun = [entry.began for state in states for entry in state.ring if entry.label in ("work", "think")]
    opened = [entry for entry in states[0].ring if entry.label == Phase.OPERATIONS.value]
    assert len(begun) == 5
    assert opened[0].began < min(begun)


def test_a_promise_broken_in_a_process_is_told_with_its_evidence(tmp_path: Path) -> None:
    """The event names the process's slot, operation and frames, and ends the iteration for everybody."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None

        @story.operation(processes=1)
        def break_it(state, rng):
            soak.always(False, "all is well", why="planted")

        @story.operation(processes=1)
        def work(state, rng):
            while not soak.stopping():
                pass

        @story.operation(threads=1)
        def think(state, rng):
            while not soak.stopping():
                pass

        @story.check("is not looked at after a finding")
        def check(state):
            return False
        """,
        count=5,
    )
    broken = outcome.one(PromiseBroken)
    assert (broken.promise, broken.thread, broken.doing) == ("all is well", "break_it-p0", "break_it")
    assert (broken.details, broken.phase) == ({"why": "'planted'"}, Phase.OPERATIONS)
    assert [frame.function for frame in broken.frames] == ["break_it"]
    assert next(t for t in outcome.snapshot(broken.ring).threads if t.name == "break_it-p0").doing
    assert outcome.last_words().reason == "finding"


def test_long_events_of_many_processes_are_whole_lines(tmp_path: Path) -> None:
    """What eight processes and a thread tell at one moment comes whole, though too long for a pipe."""
    outcome = soak_story(
        tmp_path,
        """
        import fcntl, os, termios

        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield os.pipe()

        def wait_for_all(read, write):
            os.write(write, b".")
            while int.from_bytes(fcntl.ioctl(read, termios.FIONREAD, bytes(4)), "little") < 9:
                pass

        def deep(n):
            if n:
                deep(n - 1)
            raise ValueError("é" * 5000)

        @story.operation(processes=8)
        def work(state, rng):
            wait_for_all(*state)
            deep(60)

        @story.operation(threads=1)
        def think(state, rng):
            wait_for_all(*state)
            deep(60)
        """,
    )
    raised = outcome.of(Raised)
    assert {event.error for event in raised} == {"ValueError"}
    assert {event.frames[0].function for event in raised} == {"deep"}
    assert {event.thread for event in raised} == {"think-0", *(f"work-p{n}" for n in range(8))}
    assert outcome.last_words().reason == "finding"


def test_a_crash_of_a_process_is_the_workers(tmp_path: Path) -> None:
    """The worker ends by the same signal, without last words, and the dump is the process's."""
    outcome = soak_story(
        tmp_path,
        """
        import ctypes

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None

        @story.operation(processes=2)
        def crash(state, rng):
            ctypes.string_at(0)
        """,
    )
    assert outcome.status == -11
    assert not outcome.of(LastWords)
    dump = outcome.text("fault.txt")
    assert "Segmentation fault" in dump
    assert "in crash" in dump


def test_an_exit_of_a_process_is_the_workers(tmp_path: Path) -> None:
    """A process that ends behind Python's back, with status 0 too, ends the worker without last words."""
    source = """
        import os

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None

        @story.operation(processes=1)
        def leave(state, rng):
            os._exit(STATUS)
        """
    for status in (0, 3):
        outcome = soak_story(tmp_path, source.replace("STATUS", str(status)))
        assert outcome.status == status
        assert not outcome.of(LastWords)


_KILLED = """
    import contextlib, os, signal, time

    @soak.scenario(seconds=60)
    def story(target, rng):
        yield None

    @story.operation(processes=2, mortal=MORTAL)
    def work(state, rng):
        os.write(1, b"%d %d\\n" % (os.getpid(), rng.getrandbits(60)))
        while len(open(f"{os.getcwd()}/../stdout").readlines()) < 6 and not soak.stopping():
            time.sleep(0.001)
        if not soak.stopping():
            soak.always(False, "six of them have lived")

    @story.nemesis(every=0.02)
    def kill(state, rng):
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(soak.processes()), signal.SIGKILL)
    """


def test_a_killed_mortal_process_has_a_successor(tmp_path: Path) -> None:
    """Mortal processes may be killed: others take their places, with choices of their own, and go on."""
    outcome = soak_story(tmp_path, _KILLED.replace("MORTAL", "True"))
    assert {event.promise for event in outcome.of(PromiseBroken)} == {"six of them have lived"}
    lines = [line.split() for line in outcome.text("stdout").splitlines()]
    assert len({pid for pid, _ in lines}) >= 6
    assert len({choice for _, choice in lines}) == len(lines)
    assert outcome.last_words().reason == "finding"


def test_a_killed_process_that_is_not_mortal_is_a_finding(tmp_path: Path) -> None:
    """Nobody may kill a process whose operation does not say so: the worker dies of it."""
    outcome = soak_story(tmp_path, _KILLED.replace("MORTAL", "False"))
    assert outcome.status == -9
    assert not outcome.of(LastWords)


def test_a_stopped_process_is_woken_at_the_end(tmp_path: Path) -> None:
    """A nemesis that stops a process and forgets it does not make the iteration hang."""
    outcome = soak_story(
        tmp_path,
        """
        import os, signal

        @soak.scenario(seconds=0.1)
        def story(target, rng):
            yield None

        @story.operation(processes=1)
        def work(state, rng):
            pass

        @story.nemesis(every=0.01)
        def stop(state, rng):
            for pid in soak.processes():
                os.kill(pid, signal.SIGSTOP)
        """,
        count=2,
    )
    assert outcome.last_words().reason == "count"
    assert not outcome.of(PromiseBroken) + outcome.of(Raised)


def test_nothing_of_a_process_outlives_its_iteration(tmp_path: Path) -> None:
    """Descriptors and children are as before once the operations are over, iteration after iteration."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=60, rounds=3)
        def story(target, rng):
            yield None
            assert soak.processes() == ()

        @story.operation(processes=3)
        def work(state, rng):
            pass
        """,
        count=5,
    )
    beats = outcome.of(Beat)
    assert not outcome.of(Residue) + outcome.of(Raised)
    assert len({(beat.fds, beat.threads) for beat in beats[1:]}) == 1


def test_a_process_that_does_not_end_after_a_finding_is_killed(tmp_path: Path) -> None:
    """A finding is told though a process hangs, and the process is gone with the worker."""
    outcome = soak_story(
        tmp_path,
        """
        import os, time

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None

        @story.operation(processes=1)
        def hang(state, rng):
            os.write(1, b"%d\\n" % os.getpid())
            time.sleep(600)

        @story.operation(threads=1)
        def tell(state, rng):
            while os.path.getsize(f"{os.getcwd()}/../stdout") == 0:
                time.sleep(0.001)
            soak.always(False, "all is well")
        """,
    )
    assert outcome.one(PromiseBroken).promise == "all is well"
    assert outcome.last_words().reason == "finding"
    assert not is_alive(int(outcome.text("stdout")))


def test_a_stuck_process_shows_in_its_slot(tmp_path: Path) -> None:
    """What hangs in a process is in the flight file, with the process's own id; it dies with the worker."""
    worker = start(
        tmp_path,
        """
        import time

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield None

        @story.operation(processes=1)
        def hang(state, rng):
            with soak.doing("waiting"):
                open("../stuck", "w").close()
                time.sleep(600)
        """,
    )
    worker.wait_exists("stuck")
    worker.process.kill()
    outcome = worker.finish()
    (process,) = (thread for thread in outcome.snapshot().threads if thread.name == "hang-p0")
    assert process.doing == "waiting"
    assert process.native_id not in (0, worker.process.pid, os.getpid())
    for _ in range(10_000):  # the kernel kills the nursery first, then what it holds
        if not is_alive(process.native_id):
            break
    assert not is_alive(process.native_id)


def test_processes_are_perturbed(tmp_path: Path) -> None:
    """Jitter reaches the lines that a process runs, on every version of Python."""
    module = tmp_path / "victim.py"
    module.write_text("def run():\n    for _ in range(300):\n        pass\n")
    outcome = soak_story(
        tmp_path,
        f"""
        import resource, sys
        sys.path.insert(0, {str(tmp_path)!r})
        import victim
        SOAK_PERTURB_FILES = (victim.__file__,)

        @soak.scenario(seconds=60, rounds=1)
        def story(target, rng):
            yield None

        @story.operation(processes=1)
        def work(state, rng):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
            victim.run()
            print(resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before)
        """,
        perturb="heavy",
    )
    # Each sleep gives the processor up: 600 lines, one in five with a sleep.
    assert int(outcome.text("stdout")) > 50
