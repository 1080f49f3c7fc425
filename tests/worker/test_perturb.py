"""Jitter: only in the target's files, only while operations run, and the same for the same seed."""

from __future__ import annotations

import dataclasses
import gc
import importlib.util
import random
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import soak
from soak.stretch import stretched
from soak.worker.perturb import LEVELS, Files, Perturber, files_of
from tests.worker.harness import soak_story

LINES = "def lines(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"


def load(path: Path, text: str = LINES) -> ModuleType:
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@soak.scenario(seconds=0)
def story(target: object, rng: random.Random) -> Generator[None, None, None]:
    """A scenario of this file."""
    yield None


STORY = story.freeze()


class Time:
    """A time in which ``work`` seconds lie between two looks at the clock, or a sleep of ``sleep``."""

    def __init__(self, *, work: float, sleep: float) -> None:
        self._work, self._sleep = work, sleep
        self._now = self._next = 0.0

    def clock(self) -> float:
        self._now += self._next
        self._next = self._work
        return self._now

    def sleep(self) -> None:
        self._next = self._sleep


class Sleeper:
    """Stands in for time.sleep: remembers how long, by thread, and from which file it was called."""

    def __init__(self, time: Time) -> None:
        self.slept: list[tuple[str, float]] = []
        self.files: set[str] = set()
        self._time = time

    def __call__(self, seconds: float) -> None:
        self._time.sleep()
        self.slept.append((threading.current_thread().name, seconds))
        frame = sys._getframe(1)
        while "perturb" in Path(frame.f_code.co_filename).stem and frame.f_back is not None:
            frame = frame.f_back
        self.files.add(frame.f_code.co_filename)


Make = Callable[..., tuple[Perturber, Sleeper]]
#: How often a light sleep is slept at one line in any case.
NOVEL = LEVELS["light"].novel


def endless_time() -> Time:
    """A time of which every sleep is a small share."""
    return Time(work=1.0, sleep=1e-6)


def no_time() -> Time:
    """A time of which no share may be slept."""
    return Time(work=0.0, sleep=1.0)


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes installed perturbers that record instead of sleeping, and removes them in the end."""
    made = []

    def build(level: str, files: set[Path], time: Time | None = None) -> tuple[Perturber, Sleeper]:
        time = time or endless_time()
        sleeper = Sleeper(time)
        perturber = Perturber(level, Files(files=frozenset(map(str, files))), sleeper, time.clock)
        perturber.install()
        made.append(perturber)
        return perturber, sleeper

    yield build
    for perturber in made:
        perturber.remove()


def run(work: Callable[[], object], name: str = "worker") -> None:
    thread = threading.Thread(target=work, name=name)
    thread.start()
    thread.join()


def test_only_lines_of_the_wanted_files_sleep(tmp_path: Path, make: Make) -> None:
    """Of two modules that run in one thread, only the wanted one is disturbed."""
    wanted, other = load(tmp_path / "wanted_one.py"), load(tmp_path / "other_one.py")
    perturber, sleeper = make("light", {tmp_path / "wanted_one.py"}, endless_time())
    perturber.activate("seed")
    run(lambda: (wanted.lines(500), other.lines(5000)))
    assert sleeper.files == {str(tmp_path / "wanted_one.py")}
    assert 20 <= len(sleeper.slept) <= 100  # about 1,000 lines, one in twenty
    assert all(0 <= seconds <= 200e-6 for _, seconds in sleeper.slept)


def test_a_loop_sleeps_a_share_of_its_time_at_most(tmp_path: Path, make: Make) -> None:
    """Beyond the first few at each line, what is drawn is slept only while there is time for it."""
    module = load(tmp_path / "round_and_round.py")
    perturber, sleeper = make("light", {tmp_path / "round_and_round.py"}, no_time())
    perturber.activate("seed")
    run(lambda: module.lines(5000))
    loop = [seconds for _, seconds in sleeper.slept]
    assert 2 * NOVEL <= len(loop) <= 4 * NOVEL  # two lines go round; about 500 sleeps were drawn


def test_what_a_sleep_lasted_is_its_share(tmp_path: Path, make: Make) -> None:
    """Not what it was asked for: a timer may be late, and somebody else may have the GIL."""
    module = load(tmp_path / "late.py")
    perturber, sleeper = make("light", {tmp_path / "late.py"}, Time(work=1.0, sleep=1.0))
    perturber.activate("seed")
    run(lambda: module.lines(5000))
    assert 20 <= len(sleeper.slept) <= 32  # of some 500, one in 25


def test_transitions_are_perturbed_after_any_loop(tmp_path: Path, make: Make) -> None:
    """A thread that has no time left to sleep still sleeps where it has not been."""
    text = LINES + "def later():\n" + "    x = 1\n" * 200
    module = load(tmp_path / "then_later.py", text)
    perturber, sleeper = make("light", {tmp_path / "then_later.py"}, no_time())
    perturber.activate("seed")
    before = []

    def work() -> None:
        module.lines(5000)
        before.append(len(sleeper.slept))
        module.later()

    run(work)
    assert len(sleeper.slept) - before[0] >= 2  # of 200 lines, ten by chance


def test_a_line_that_has_slept_enough_is_left_alone_until_the_next_iteration(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endless loop costs nothing any more; the next iteration begins anew."""
    monkeypatch.setitem(LEVELS, "light", dataclasses.replace(LEVELS["light"], worn=50))
    module = load(tmp_path / "endless.py")
    perturber, sleeper = make("light", {tmp_path / "endless.py"}, endless_time())
    counts = []
    for _ in range(2):
        sleeper.slept.clear()
        perturber.activate("seed")
        run(lambda: module.lines(50_000))
        counts.append(len(sleeper.slept))
        perturber.deactivate()
    assert all(50 <= count <= 110 for count in counts), counts  # 5,000 were drawn


def test_nothing_sleeps_before_and_after(tmp_path: Path, make: Make) -> None:
    """Only between activate and deactivate, for threads that were there before as well."""
    module = load(tmp_path / "timed.py")
    perturber, sleeper = make("heavy", {tmp_path / "timed.py"}, endless_time())
    counts, turn, back = [], threading.Semaphore(0), threading.Semaphore(0)

    def work() -> None:
        for _ in range(3):
            turn.acquire()
            module.lines(200)
            counts.append(len(sleeper.slept))
            back.release()

    thread = threading.Thread(target=work)
    thread.start()
    actions: list[Callable[[], object]] = [int, lambda: perturber.activate("seed"), perturber.deactivate]
    for act in actions:
        act()
        turn.release()
        back.acquire()
    thread.join()
    assert counts[0] == 0
    assert counts[1] > 20
    assert counts[2] == counts[1]


def test_a_seed_decides_the_sleeps_of_each_thread(tmp_path: Path, make: Make) -> None:
    """The same seed and thread name sleep the same; another name or seed differently."""
    module = load(tmp_path / "seeded.py")
    perturber, sleeper = make("light", {tmp_path / "seeded.py"}, no_time())

    def slept(seed: str, name: str) -> list[float]:
        sleeper.slept.clear()
        perturber.activate(seed)
        run(lambda: module.lines(500), name)
        return [seconds for _, seconds in sleeper.slept]

    first = slept("1", "a")
    assert first
    assert slept("1", "a") == first
    assert slept("1", "b") != first
    assert slept("2", "a") != first


def test_heavy_changes_the_switch_interval_and_gives_it_back(tmp_path: Path, make: Make) -> None:
    """The interpreter's switch interval is one of soak's while active, and the usual one after."""
    usual = sys.getswitchinterval()
    perturber, _ = make("heavy", set())
    seen = set()
    for seed in range(20):
        perturber.activate(str(seed))
        seen.add(sys.getswitchinterval())
    perturber.deactivate()
    assert len(seen) > 2
    assert sys.getswitchinterval() == usual


def test_heavy_presses_the_collector_and_lets_go(make: Make) -> None:
    """Garbage is collected as early as after a few allocations while active, and as usual after."""
    usual = gc.get_threshold()
    perturber, _ = make("heavy", set())
    seen = set()
    for seed in range(20):
        perturber.activate(str(seed))
        seen.add(gc.get_threshold()[0])
    perturber.deactivate()
    assert len(seen) > 1 and min(seen) < 10 < usual[0]
    assert gc.get_threshold() == usual
    light, _ = make("light", set())
    light.activate("1")
    assert gc.get_threshold() == usual


def test_heavy_stretches_native_calls_and_light_does_not(make: Make) -> None:
    """Now and then a call does its work up to a hundred times: by the seed, while active, if heavy."""

    def counts(level: str) -> list[int]:
        perturber, _ = make(level, set())
        perturber.activate("7")
        drawn = [stretched(2) for _ in range(300)]
        perturber.deactivate()
        assert [stretched(2) for _ in range(50)] == [2] * 50
        return drawn

    heavy = counts("heavy")
    assert set(counts("light")) == {2}
    assert heavy == counts("heavy")
    assert 2 < max(heavy) <= 200
    assert heavy.count(2) > len(heavy) / 2


def test_none_does_nothing(tmp_path: Path, make: Make) -> None:
    """Without perturbation there are no hooks and no boundary to call."""
    module = load(tmp_path / "still.py")
    perturber, sleeper = make("none", {tmp_path / "still.py"})
    perturber.activate("seed")
    run(lambda: module.lines(500))
    assert sleeper.slept == []
    assert perturber.boundary is None


def test_an_unknown_level_is_told() -> None:
    """The message names the levels that there are."""
    with pytest.raises(ValueError, match="expected none, light or heavy, got 'wild'"):
        Perturber("wild", Files(files=frozenset()))


def test_the_files_are_the_targets_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole package of the target, the modules of its bases, and what they name; nothing standard."""
    package = tmp_path / "my_sim_pkg"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "deep" / "__init__.py").touch()
    (package / "deep" / "sim.py").write_text(
        "import threading, bases_of_sim\n"
        "class Sim(bases_of_sim.Base, threading.Thread): pass\ndef make(): return Sim()\n"
    )
    (tmp_path / "bases_of_sim.py").write_text("SOAK_PERTURB_FILES = ('/x/y.py',)\nclass Base: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("my_sim_pkg.deep.sim")
    files = files_of(module.Sim, STORY)
    assert files.wants(str(package / "deep" / "sim.py"))
    assert files.wants(str(package / "other.py"))
    assert files.wants(str(tmp_path / "bases_of_sim.py"))
    assert files.wants("/x/y.py")
    assert not files.wants(threading.__file__)
    assert not files.wants(str(tmp_path / "my_sim_pkg_other.py"))
    assert not files.wants(__file__)
    assert files_of(module.make, STORY).wants(str(package / "other.py"))


def test_without_a_target_only_what_the_scenario_names_is_perturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario that brings its own system says which files these are."""
    assert files_of(None, STORY) == Files(files=frozenset())
    monkeypatch.setattr(sys.modules[__name__], "SOAK_PERTURB_FILES", ("/my/sim.py",), raising=False)
    assert files_of(None, STORY).wants("/my/sim.py")
    assert files_of(Files, STORY).wants("/my/sim.py")


def test_siblings_in_soak_are_not_taken_for_the_target() -> None:
    """A target of soak's own is its modules, not all of soak."""
    files = files_of(Files, STORY)
    assert files.wants(sys.modules["soak.worker.perturb"].__file__ or "")
    assert not files.wants(sys.modules["soak.flight"].__file__ or "")


RACE = """
    SOAK_PERTURB_FILES = (__file__,)

    class Counter:
        def __init__(self):
            self.inside = 0

        def work(self):
            mine = self.inside
            self.inside = mine + 1

    @soak.scenario(seconds=20, rounds=2000)
    def story(target, rng):
        yield Counter()

    @story.operation(threads=2)
    def work(counter, rng):
        counter.work()

    @story.check("every increment counts")
    def counts(counter):
        return counter.inside == 4000
"""


def test_a_race_of_two_lines_is_found(tmp_path: Path) -> None:
    """Under light jitter a lost update, which plain loops miss for hours, breaks its check at once."""
    outcome = soak_story(tmp_path, RACE, perturb="light")
    assert outcome.last_words().reason == "finding"
