"""`soak run` on scenarios of a few lines: verdicts, exit codes, budgets, and who says what where."""

from __future__ import annotations

import json
import os
import pty
import re
from pathlib import Path

import pytest

from soak.events import RunEnded, RunStarted, Verdict, WorkerEnded
from tests.cli.command import Soak

#: Nothing is wrong with it.
FINE = """
@soak.scenario(seconds=5.0, rounds=2)
def fine(target, rng):
    '''All is well.'''
    yield

@fine.operation(threads=1)
def look(state, rng):
    pass
"""

#: It tells, in a file, what its seed made it choose.
CHOOSY = """
@soak.scenario(seconds=5.0, rounds=3)
def choosy(target, rng):
    yield rng.random()

@choosy.operation(threads=2)
def choose(state, rng):
    with open(os.environ["CHOICES"], "a") as file:
        file.write(f"{state:.6f} {rng.random():.6f}\\n")
"""

BROKEN = """
@soak.scenario(seconds=5.0, rounds=1)
def broken(target, rng):
    yield

@broken.operation(threads=1)
def lie(state, rng):
    soak.always(False, "the sky is green", seen="blue")
"""


def test_a_run_without_a_finding_is_clean(soak: Soak) -> None:
    """Exit code 0, and the last words bound the rate of what was not seen by 3/n."""
    done = soak("run", soak.story(FINE), "--count", "30")
    assert done.code == 0
    assert done.stdout.startswith("CLEAN")
    assert "30 iterations" in done.stdout
    assert re.search(r"at most (9\.\d|10) %", done.stdout), done.stdout
    (ended,) = done.of(RunEnded)
    assert ended.verdict is Verdict.CLEAN


def test_a_finding_decides_the_exit_code(soak: Soak) -> None:
    """Exit code 1, and a line says how to bring the finding back."""
    done = soak("run", soak.story(BROKEN), "--count", "2")
    assert done.code == 1
    assert done.stdout.startswith("1 NEW\nFINDINGS: 1 finding (1 violation)")
    assert f"soak repro {done.finding().name}" in [line.strip() for line in done.stdout.splitlines()]


def test_a_sometimes_that_never_came_leaves_a_run_unproven(soak: Soak) -> None:
    """Exit code 5, and the thing that was not seen is named; what was seen is not."""
    story = soak.story(
        FINE
        + """
fine.sometimes("pigs fly")
looked = fine.sometimes("somebody looked")

@fine.operation(threads=1)
def see(state, rng):
    looked()
"""
    )
    done = soak("run", story, "--count", "2")
    assert done.code == 5
    assert done.stdout.startswith("UNPROVEN")
    assert 'never saw "pigs fly"' in done.stdout
    assert "somebody looked" not in done.stdout


def test_a_sometimes_that_one_iteration_saw_is_proved(soak: Soak) -> None:
    """One sight in a whole run is enough."""
    story = soak.story(
        FINE
        + """
rare = fine.sometimes("the third time")
calls = []

@fine.operation(threads=1)
def see(state, rng):
    calls.append(1)
    rare(len(calls) == 3)
"""
    )
    assert soak("run", story, "--count", "3").code == 0


def test_a_run_may_finish_its_first_iteration(soak: Soak) -> None:
    """A budget that ends inside the first iteration waits for it: a run without one would prove nothing."""
    story = soak.story(
        FINE.replace("seconds=5.0, rounds=2", "seconds=1.0").replace("pass", "time.sleep(0.001)")
    )
    done = soak("run", story, "--minutes", "0.005", "--json")
    assert done.code == 0
    assert done.document()["iterations"] == 1


@pytest.mark.slow
def test_a_run_in_which_no_iteration_finished_is_unproven(soak: Soak) -> None:
    """One that is longer than the patience for a first iteration proves nothing, and the report says so."""
    story = soak.story(
        FINE.replace("seconds=5.0, rounds=2", "seconds=0.01").replace("pass", "time.sleep(7.0)")
    )
    done = soak("run", story, "--minutes", "0.005")
    assert done.code == 5
    assert "no iteration finished" in done.stdout


def test_a_count_is_exact(soak: Soak) -> None:
    """--count 25 runs iterations 0 to 24, once each."""
    story = soak.story(
        """
        @soak.scenario(seconds=5.0, rounds=1)
        def counted(target, rng):
            with open(os.environ["BEGUN"], "a") as file:
                file.write("begun\\n")
            yield

        @counted.operation(threads=1)
        def nothing(state, rng):
            pass
        """
    )
    begun = soak.folder / "begun"
    done = soak("run", story, "--count", "25", "--json", env={"BEGUN": str(begun)})
    assert done.document()["iterations"] == 25
    assert len(begun.read_text().splitlines()) == 25


def test_a_count_includes_the_iterations_in_which_a_worker_died(soak: Soak) -> None:
    """Every fourth of 20 iterations dies of SIGSEGV: all 20 are tried, 15 finish, the rate is 5/20."""
    story = soak.story(
        """
        @soak.scenario(seconds=5.0, rounds=1)
        def flaky(target, rng):
            with open(os.environ["BEGUN"], "a") as file:
                file.write("begun\\n")
            number = len(open(os.environ["BEGUN"]).readlines())
            yield number

        @flaky.operation(threads=1)
        def die_sometimes(number, rng):
            if number % 4 == 0:
                signal.raise_signal(signal.SIGSEGV)
        """
    )
    begun = soak.folder / "begun"
    done = soak("run", story, "--count", "20", "--json", env={"BEGUN": str(begun)})
    document = done.document()
    assert len(begun.read_text().splitlines()) == 20
    assert document["iterations"] == 15
    (finding,) = document["findings"]
    assert (finding["kind"], finding["count"], finding["hits"], finding["tries"]) == ("crash", 5, 5, 20)
    low, high = finding["interval"]
    assert low < 0.25 < high
    assert "5/20 (25 %, 95 % interval 11–47 %)" in done.stderr


def test_until_fail_ends_at_the_first_finding(soak: Soak) -> None:
    """The sixth iteration breaks a promise: the run ends there, whatever its budget."""
    story = soak.story(
        """
        calls = []

        @soak.scenario(seconds=5.0, rounds=1)
        def sixth(target, rng):
            calls.append(1)
            yield

        @sixth.operation(threads=1)
        def look(state, rng):
            soak.always(len(calls) < 6, "five times and no more")
        """
    )
    done = soak("run", story, "--until-fail", "--minutes", "5", "--json")
    document = done.document()
    assert done.code == 1
    assert document["reason"] == "a finding, as --until-fail asked"
    assert document["iterations"] == 5
    assert document["findings"][0]["count"] == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_seed_decides_every_choice(soak: Soak, jobs: str) -> None:
    """Two runs of one seed choose the same, each thread for itself; another seed chooses otherwise."""
    story = soak.story(CHOOSY)
    chosen = []
    for number, seed in enumerate(("7", "7", "8")):
        choices = soak.folder / f"choices-{number}"
        words = ("run", story, "--count", "2", "--seed", seed, "--jobs", jobs, "--perturb", "heavy")
        assert soak(*words, env={"CHOICES": str(choices)}).code == 0
        chosen.append(sorted(choices.read_text().splitlines()))
    assert len(set(chosen[0])) == 12
    assert chosen[0] == chosen[1]
    assert not set(chosen[0]) & set(chosen[2])


def test_two_jobs_run_two_scenarios_at_once(soak: Soak) -> None:
    """Each of two scenarios waits until the other one runs: with one job, neither would finish."""
    story = soak.story(
        """
        def meet(me, other):
            open(os.path.join(os.environ["MEETING"], me), "w").close()
            while not os.path.exists(os.path.join(os.environ["MEETING"], other)) and not soak.stopping():
                soak.beat()
                time.sleep(0.001)
            soak.always(not soak.stopping(), "the other one came")

        @soak.scenario(seconds=30.0, rounds=1)
        def left(target, rng):
            yield

        @left.operation(threads=1)
        def meet_right(state, rng):
            meet("left", "right")

        @soak.scenario(seconds=30.0, rounds=1)
        def right(target, rng):
            yield

        @right.operation(threads=1)
        def meet_left(state, rng):
            meet("right", "left")
        """
    )
    done = soak("run", story, "--count", "1", "--jobs", "2", "--json", env={"MEETING": str(soak.folder)})
    assert done.code == 0
    assert {row["scenario"]: row["iterations"] for row in done.document()["scenarios"]} == {
        "left": 1,
        "right": 1,
    }


def test_json_is_on_stdout_and_words_are_on_stderr(soak: Soak) -> None:
    """--json prints one document on stdout; the closing report goes to stderr."""
    done = soak("run", soak.story(BROKEN), "--count", "1", "--seed", "42", "--json")
    document = done.document()
    assert document["verdict"] == "findings"
    assert document["seed"] == 42
    assert document["run"] == done.runs()[-1].name
    assert [finding["kind"] for finding in document["findings"]] == ["violation"]
    assert document["findings"][0]["repro"] == f"soak repro {done.finding().name}"
    assert "FINDINGS: 1 finding" in done.stderr


def test_without_a_terminal_progress_is_plain_lines_on_stderr(soak: Soak) -> None:
    """One line tells the new finding; there is no escape sequence anywhere, even with FORCE_COLOR."""
    done = soak("run", soak.story(BROKEN), "--count", "3", env={"FORCE_COLOR": "1"})
    found = [line for line in done.stderr.splitlines() if " found " in line]
    assert len(found) == 1
    assert found[0].startswith("soak ")
    assert done.finding().name in found[0]
    assert "\x1b" not in done.stdout + done.stderr


def test_quiet_leaves_only_the_closing_report(soak: Soak) -> None:
    """--quiet: nothing on stderr, the report on stdout."""
    done = soak("run", soak.story(BROKEN), "--count", "1", "--quiet")
    assert done.stderr == ""
    assert done.stdout.startswith("FINDINGS")


def on_a_terminal(soak: Soak, *words: str | Path, **env: str) -> tuple[int, str]:
    """Run with stderr on a pseudo-terminal; returns the exit code and what the terminal got."""
    ours, theirs = pty.openpty()
    running = soak.start(*words, env={"TERM": "xterm-256color", **env}, terminal=theirs)
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 1 << 16):
            shown += data
    except OSError:  # EIO: nobody has the terminal open any more
        pass
    os.close(ours)
    return running.finish().code, shown.decode(errors="replace")


def test_on_a_terminal_there_is_a_live_table(soak: Soak) -> None:
    """stderr is a terminal: the table moves and is coloured, and stdout has the report as always."""
    code, shown = on_a_terminal(soak, "run", soak.story(BROKEN), "--count", "3")
    assert code == 1
    assert "\x1b[" in shown
    assert "broken" in shown


def test_no_color_is_honoured(soak: Soak) -> None:
    """NO_COLOR on a terminal: no colour is set; the cursor may move."""
    code, shown = on_a_terminal(soak, "run", soak.story(BROKEN), "--count", "3", NO_COLOR="1")
    assert code == 1
    colours = re.findall(r"\x1b\[[0-9;]*m", shown)
    assert not [each for each in colours if re.search(r"[349][0-7]|38|48", each)], colours


def test_the_stream_begins_and_ends_as_it_should(soak: Soak) -> None:
    """events.jsonl: RunStarted first, with the command line and the machine; RunEnded last."""
    done = soak("run", soak.story(FINE), "--count", "2", "--seed", "5")
    stream = done.events()
    first, last = stream[0], stream[-1]
    assert isinstance(first, RunStarted)
    assert isinstance(last, RunEnded)
    assert first.seed == 5
    assert "--count" in first.argv
    assert first.environment["python"]
    assert [event.status for event in done.of(WorkerEnded)] == [0]


def test_a_run_leaves_no_worker_folders(soak: Soak) -> None:
    """Workers' private folders are gone after a run; what matters was copied to the findings."""
    done = soak("run", soak.story(BROKEN), "--count", "3")
    assert list((done.runs()[-1] / "workers").iterdir()) == []
    assert json.loads((done.finding() / "finding.json").read_text())["count"] == 3
