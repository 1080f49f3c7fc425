"""The worker's life, in real processes: count, stop, findings, last words, exits."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.events import Beat, Phase
from tests.worker.harness import soak_story, start

QUIET = """
    @soak.scenario(seconds=0.02)
    def story(target, rng):
        yield None

    @story.operation(threads=2)
    def work(state, rng):
        pass
"""


def test_runs_its_count_and_says_so(tmp_path: Path) -> None:
    """A worker with a count of 3 finishes 3 iterations, says `count`, and leaves with status 0."""
    outcome = soak_story(tmp_path, QUIET, count=3, first_iteration=40)
    words = outcome.last_words()
    assert (words.reason, words.iterations, words.worker, outcome.status) == ("count", 3, 7, 0)
    assert outcome.events[-1] is words
    assert [beat.iteration for beat in outcome.of(Beat)] == [40, 41, 42]
    assert outcome.snapshot().iteration == 42
    assert outcome.snapshot().iterations == 3
    assert outcome.snapshot().phase is Phase.EXIT


def test_phases_come_in_the_order_of_life(tmp_path: Path) -> None:
    """The main thread's ring holds the phases of an iteration in their order."""
    outcome = soak_story(tmp_path, QUIET)
    main = outcome.snapshot().threads[0]
    assert main.name == "main"
    labels = [entry.label for entry in main.ring]
    assert labels == ["boot", "set-up", "operations", "rest", "checks", "teardown", "teardown"]
    assert main.doing == "exit"


def test_a_beat_carries_the_sums_and_figures(tmp_path: Path) -> None:
    """The beat's counters equal the flight file's, and its figures are filled."""
    outcome = soak_story(tmp_path, QUIET)
    beat, snapshot = outcome.of(Beat)[-1], outcome.snapshot()
    assert beat.operations == snapshot.operations > 0
    assert beat.accepted == beat.operations
    assert beat.refused == 0
    assert min(beat.rss, beat.blocks, beat.maps, beat.threads, beat.fds) > 0


def test_a_stop_is_honoured_within_an_iteration(tmp_path: Path) -> None:
    """A worker that is asked to stop ends an iteration of an hour, tears down, and says `asked`."""
    worker = start(
        tmp_path,
        """
        from pathlib import Path

        @soak.scenario(seconds=3600)
        def story(target, rng):
            yield None
            Path("torn-down").touch()

        @story.operation(threads=2)
        def work(state, rng):
            if not Path("working").exists():
                Path("working").touch()
        """,
        count=0,
    )
    worker.wait_exists("cwd/working")
    worker.ask_to_stop()
    outcome = worker.finish()
    words = outcome.last_words()
    assert (words.reason, words.iterations, outcome.status) == ("asked", 0, 0)
    assert (outcome.folder / "cwd" / "torn-down").exists()
    assert outcome.of(Beat)[-1].operations > 0


def test_a_finding_retires_the_worker(tmp_path: Path) -> None:
    """After a broken promise no further iteration begins, and the last words say `finding`."""
    outcome = soak_story(
        tmp_path,
        """
        @soak.scenario(seconds=5)
        def story(target, rng):
            yield None

        @story.operation(threads=1)
        def work(state, rng):
            soak.always(False, "it holds")
        """,
        count=5,
    )
    words = outcome.last_words()
    assert (words.reason, words.iterations, outcome.status) == ("finding", 0, 0)
    assert outcome.snapshot().iteration == 0


CHOICES = """
    @soak.scenario(seconds=60, rounds=5, threads=2)
    def story(target, rng):
        print("set-up", rng.random())
        yield None

    @story.operation()
    def pick(state, rng):
        print("pick", rng.random())

    @story.operation(threads=1)
    def other(state, rng):
        print("other", rng.random())
"""


def test_a_seed_decides_every_choice(tmp_path: Path) -> None:
    """Two workers with one seed make the same choices; another seed or iteration makes others."""

    def choices(**changes: object) -> list[str]:
        return sorted(soak_story(tmp_path, CHOICES, **changes).text("stdout").splitlines())

    first = choices(first_iteration=3)
    assert len(first) == len(set(first)) == 1 + 3 * 5
    assert choices(first_iteration=3) == first
    assert choices(first_iteration=4) != first
    assert choices(first_iteration=3, seed=2) != first


def test_a_later_worker_repeats_an_earlier_ones_iteration(tmp_path: Path) -> None:
    """Iteration 2 is the same for a worker that starts there as for one that began at 0."""
    whole = soak_story(tmp_path, CHOICES, count=3).text("stdout").splitlines()
    alone = soak_story(tmp_path, CHOICES, first_iteration=2).text("stdout").splitlines()
    assert sorted(whole[-16:]) == sorted(alone)


def test_the_targets_modules_are_prepared_once_each(tmp_path: Path) -> None:
    """`soak_prepare` is called once per distinct function in the modules of the target's MRO."""
    (tmp_path / "base_sim.py").write_text(
        "class Base:\n    pass\n\ndef soak_prepare(*, guard_malloc):\n    print('base', guard_malloc)\n"
    )
    (tmp_path / "my_sim.py").write_text(
        "from base_sim import Base, soak_prepare as prepare_base\n"
        "class Middle(Base):\n    pass\nclass Sim(Middle):\n    pass\n\n"
        "def soak_prepare(*, guard_malloc):\n    print('sim', guard_malloc)\n"
    )
    outcome = soak_story(tmp_path, QUIET, target="my_sim:Sim", guard_malloc=True)
    assert outcome.text("stdout").splitlines() == ["sim True", "base True"]


def test_a_failing_hook_makes_the_worker_unusable(tmp_path: Path) -> None:
    """What keeps soak itself from working is told with its traceback, not lost."""
    (tmp_path / "sim.py").write_text(
        "class Sim: pass\ndef soak_prepare(*, guard_malloc):\n    raise OSError('no guard pages')\n"
    )
    outcome = soak_story(tmp_path, QUIET, target="sim:Sim")
    words = outcome.last_words()
    assert words.reason == "unusable"
    assert "OSError: no guard pages" in words.message
    assert "no guard pages" in outcome.text("stderr")


@pytest.mark.parametrize(
    ("body", "came"),
    [
        ("return None", "a function that returns NoneType"),
        ("if target: yield", "ended without"),
        ("yield 1\n        yield 2", "yielded twice"),
    ],
)
def test_a_set_up_that_is_no_generator_is_the_users_mistake(tmp_path: Path, body: str, came: str) -> None:
    """A set-up that does not yield exactly once makes the worker unusable, in words for its author."""
    outcome = soak_story(
        tmp_path,
        f"""
    @soak.scenario(seconds=0)
    def story(target, rng):
        {body}
    """,
    )
    words = outcome.last_words()
    assert words.reason == "unusable"
    assert "story" in words.message
    assert came in words.message
    assert "Traceback" not in words.message


REAL_EXIT = """
    import atexit
    atexit.register(print, "at exit")

    @soak.scenario(seconds=0, real_exit={real_exit})
    def story(target, rng):
        yield None
"""


def test_a_real_exit_runs_pythons_own(tmp_path: Path) -> None:
    """With `real_exit` the worker's at-exit functions run after its last words; without, they do not."""
    real = soak_story(tmp_path, REAL_EXIT.format(real_exit=True))
    assert (real.last_words().reason, real.status, real.text("stdout")) == ("count", 0, "at exit\n")
    short = soak_story(tmp_path, REAL_EXIT.format(real_exit=False))
    assert (short.last_words().reason, short.status, short.text("stdout")) == ("count", 0, "")


def test_a_crash_leaves_the_counters_readable(tmp_path: Path) -> None:
    """After SIGSEGV the flight file says how far each thread came and in what it died."""
    outcome = soak_story(
        tmp_path,
        """
        import ctypes

        @soak.scenario(seconds=60)
        def story(target, rng):
            yield []

        @story.operation(threads=1)
        def work(state, rng):
            state.append(1)
            if len(state) > 10:
                ctypes.string_at(0)
        """,
    )
    assert outcome.status == -11
    assert not [event for event in outcome.events if not isinstance(event, Beat)]
    snapshot = outcome.snapshot()
    assert (snapshot.operations, snapshot.phase) == (10, Phase.OPERATIONS)
    assert [(thread.name, thread.doing) for thread in snapshot.threads if thread.kind] == [("work-0", "work")]
    assert "Fatal Python error: Segmentation fault" in outcome.text("fault.txt")
    assert "in work" in outcome.text("fault.txt")
