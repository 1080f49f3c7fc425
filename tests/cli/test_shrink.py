"""`soak shrink`: planted bugs keep what they need and lose the rest, and the file that is written works.

The planted bugs ask who was there, not when: what comes is decided by the seed, on any machine.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from soak.cli.shrink import shrink
from soak.triage.bench import Bench, Count
from tests.cli.command import Done, Soak

#: Broken where two certain operations of six have both been called in an iteration.
CROWD = """
@soak.scenario(seconds=5.0, rounds=2, threads=2)
def crowd(target, rng):
    yield set()

def called(seen, name):
    seen.add(name)
    soak.always(not {"push", "pop"} <= seen, "push and pop never meet")

@crowd.operation(threads=3)
def push(seen, rng):
    called(seen, "push")

@crowd.operation(threads=2)
def pop(seen, rng):
    called(seen, "pop")

@crowd.operation(threads=2)
def peek(seen, rng):
    called(seen, "peek")

@crowd.operation(threads=1)
def clear(seen, rng):
    called(seen, "clear")

@crowd.operation()
def copy(seen, rng):
    called(seen, "copy")

@crowd.operation()
def count(seen, rng):
    called(seen, "count")

@crowd.nemesis(every=0.5)
def collect(seen, rng):
    import gc
    gc.collect()
"""

#: Broken where two threads have called it; they all begin together, so there are two, if there are.
PAIR = """
@soak.scenario(seconds=5.0, rounds=1)
def pair(target, rng):
    yield set()

@pair.operation(threads=4)
def enter(inside, rng):
    inside.add(threading.get_ident())
    soak.always(len(inside) < 2, "one at a time")
"""

#: Broken in three of ten iterations, and only where both operations are there.
FLAKY = """
@soak.scenario(seconds=0.25, rounds=1)
def flaky(target, rng):
    yield {"bad": rng.random() < 0.3, "seen": set()}

def called(state, name):
    state["seen"].add(name)
    soak.always(not state["bad"] or len(state["seen"]) < 2, "the two never meet")

@flaky.operation(threads=1)
def one(state, rng):
    called(state, "one")

@flaky.operation(threads=1)
def two(state, rng):
    called(state, "two")

@flaky.operation(threads=1)
def bystander(state, rng):
    pass
"""


def found(soak: Soak, source: str, *words: str, name: str = "story.py") -> Done:
    """A run of the story that has found what is planted in it."""
    done = soak("run", soak.story(source, name), "--until-fail", "--minutes", "5", "--seed", "8", *words)
    assert done.code == 1, done.stderr
    return done


def shrunk(soak: Soak, finding: str, *words: str | Path) -> Done:
    """`soak shrink` to its end; it makes a hundred tries, so it has longer than other commands."""
    return soak.start("shrink", finding, *words).finish(within=300)


def test_two_operations_of_six_with_a_thread_each_are_left(soak: Soak) -> None:
    """Before and after are told, with their rates; the file is short, and runs from another folder."""
    finding = found(soak, CROWD, name="lab/story.py").finding().name
    (soak.folder / "lab" / "small").mkdir()
    done = shrunk(soak, finding, "--to", "lab/small/shrunk.py", "--json")
    assert done.code == 1, done.stderr
    document = done.document()
    before, after = document["before"], document["after"]
    assert (before["threads"], len(before["operations"]), before["nemeses"]) == (10, 6, ["collect"])
    assert (after["threads"], after["operations"], after["nemeses"]) == (2, ["push", "pop"], [])
    assert (after["rounds"], after["perturb"], after["seconds"] < before["seconds"]) == (1, "none", True)
    assert after["hits"] >= 15
    assert after["tries"] == 20
    assert re.search(r"^rate +\d+/\d+ \(.* interval .*\) +\d+/20 \(.* interval", done.stderr, re.MULTILINE)

    file = soak.folder / "lab" / "small" / "shrunk.py"
    assert len(file.read_text().splitlines()) < 20
    again = soak("run", file, "--until-fail", "--out", "other")
    assert again.code == 1, again.stderr
    assert again.finding().name == finding


def test_what_needs_two_threads_is_not_shrunk_to_one(soak: Soak) -> None:
    """Of four, two are left."""
    finding = found(soak, PAIR).finding().name
    document = shrunk(soak, finding, "--json").document()
    assert (document["before"]["threads"], document["after"]["threads"]) == (4, 2)
    assert document["needs_seed"] is False
    file = soak.folder / f"shrunk_{finding.replace('-', '_')}.py"
    assert 'threads={"enter": 2}' in file.read_text()


def test_a_flaky_one_keeps_its_operations(soak: Soak) -> None:
    """It comes in three of ten: misses are not taken for a cure, nor one hit for evidence."""
    finding = found(soak, FLAKY).finding().name
    done = shrunk(soak, finding, "--json")
    document = done.document()
    assert document["after"]["operations"] == ["one", "two"], done.stderr
    assert document["needs_seed"] is False
    assert 0.1 < document["after"]["hits"] / document["after"]["tries"] < 0.6


def test_what_needs_its_seed_keeps_it(soak: Soak) -> None:
    """It comes with two choices in a hundred: the line that runs it says which."""
    rare = PAIR.replace("yield set()", "yield {1} if rng.random() < 0.02 else None").replace(
        "inside.add(threading.get_ident())\n    soak.always(len(inside) < 2", "soak.always(inside is None"
    )
    first = found(soak, rare, "--count", "500")
    finding = first.finding().name
    done = shrunk(soak, finding, "--json")
    document = done.document()
    assert document["needs_seed"] is True
    assert document["after"]["threads"] == 1
    assert document["after"]["hits"] >= 15
    assert "--seed 8 --count" in document["run"]
    words = document["run"].split()[1:]
    again = soak(*words, "--out", "other")
    assert again.code == 1, again.stderr


def test_what_does_not_come_back_is_not_shrunk(soak: Soak) -> None:
    """Exit code 0, and no file."""
    finding = found(soak, PAIR).finding().name
    soak.story(PAIR.replace("< 2", "< 99"))
    done = shrunk(soak, finding)
    assert done.code == 0, done.stderr
    assert "did not come back: 0/40" in done.stdout
    assert not list(soak.folder.glob("shrunk_*"))


def test_an_interrupt_leaves_the_best_so_far(soak: Soak) -> None:
    """Exit code 130; the file is whole and is what was accepted last."""
    finding = found(soak, CROWD).finding().name
    running = soak.start("shrink", finding, "--to", "best.py")
    running.wait_until(lambda: "accepted" in running.stderr, "an accepted candidate")
    running.send(signal.SIGINT)
    done = running.finish(within=300)
    assert done.code == 130, done.stderr
    assert "soak.narrowed(" in (soak.folder / "best.py").read_text()
    assert not list((done.out / "triage").glob("*"))


def test_an_interrupt_between_two_runs_leaves_it_too(
    soak: Soak, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody listens to signals there: Ctrl-C is a KeyboardInterrupt. What was measured first is there."""
    finding = found(soak, PAIR).finding().name
    counts = [Count(hits=6, tries=6), Count(hits=6, tries=6)]

    def count(*_args: object, **_options: object) -> Count:
        if not counts:
            raise KeyboardInterrupt
        return counts.pop()

    monkeypatch.setattr(Bench, "count", count)
    monkeypatch.chdir(soak.folder)
    to = soak.folder / "best.py"
    assert shrink(finding, minutes=5.0, to=to, out=Path(".soak"), wait=0.0, as_json=False) == 130
    assert "interrupted by SIGINT" in capsys.readouterr().out
    assert "soak.narrowed(" in to.read_text()


def test_the_budget_is_kept(soak: Soak) -> None:
    """Little time: it is said, and what was measured is what is there."""
    finding = found(soak, CROWD).finding().name
    done = soak("shrink", finding, "--minutes", "0.02", "--to", "best.py")
    assert done.code in (0, 1), done.stderr
    assert "the time is up" in done.stdout or "did not come back" in done.stdout


def test_no_other_file_is_written_over(soak: Soak) -> None:
    """Exit code 2, and it is as it was."""
    finding = found(soak, PAIR).finding().name
    (soak.folder / "mine.py").write_text("mine = 1\n")
    done = soak("shrink", finding, "--to", "mine.py")
    assert (done.code, Path(soak.folder / "mine.py").read_text()) == (2, "mine = 1\n")
    assert "not of shrinking" in done.stderr
    assert soak("shrink", finding, "--to", "mine.txt").code == 2
    assert "make it first" in soak("shrink", finding, "--to", "gone/mine.py").stderr
