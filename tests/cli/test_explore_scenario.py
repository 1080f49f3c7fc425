"""`soak explore SCENARIO`: what a schedule shows is a soak's finding, too, and its token brings it back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from soak.events import Kept, Kind, RunEnded, Sighted, Verdict
from tests.cli.command import Done, Soak

ACCOUNT = """
    class Account:
        def __init__(self):
            self.balance = 100
            self.lock = threading.Lock()

        def withdraw(self, amount):
            if self.balance >= amount:
                self.balance = self.balance - amount

    class Locked(Account):
        def withdraw(self, amount):
            with self.lock:
                super().withdraw(amount)
"""

BANK = """
    import shop

    @soak.scenario(seconds=0.2, target="shop:Account")
    def bank(target, rng):
        "Withdrawals."
        yield target()

    @bank.operation(threads=2)
    def withdraw(account, rng):
        account.withdraw(70)

    @bank.check("a balance is never negative")
    def never_negative(account):
        return account.balance >= 0
"""

BROKEN = """
    @soak.scenario(seconds=0.2)
    def broken(target, rng):
        "A promise that nobody keeps."
        yield []

    @broken.operation(threads=2)
    def say(state, rng):
        state.append(1)
        soak.always(len(state) > 1_000_000, "the list is long", length=len(state))
"""

KNOT = """
    class Pair:
        def __init__(self):
            self.left_lock, self.right_lock = threading.Lock(), threading.Lock()
            self.there = {"left": threading.Event(), "right": threading.Event()}

        def left_then_right(self):
            with self.left_lock:
                self.there["left"].set()
                self.there["right"].wait()
                with self.right_lock:
                    pass

        def right_then_left(self):
            with self.right_lock:
                self.there["right"].set()
                self.there["left"].wait()
                with self.left_lock:
                    pass

    @soak.scenario(seconds=5.0, rounds=1, hang_after=1.0)
    def knot(target, rng):
        "Two locks in two orders, surely."
        yield Pair()

    @knot.operation(threads=1)
    def one(pair, rng):
        pair.left_then_right()

    @knot.operation(threads=1)
    def other(pair, rng):
        pair.right_then_left()
"""

DEADLY = """
    import ctypes

    @soak.scenario(seconds=0.2)
    def deadly(target, rng):
        "Dies where two meet."
        yield {"inside": 0}

    @deadly.operation(threads=2)
    def enter(state, rng):
        state["inside"] = state["inside"] + 1
        if state["inside"] > 1:
            ctypes.string_at(0)
        state["inside"] = state["inside"] - 1
"""

#: Instead of the call that dies: one that sleeps, and holds the GIL meanwhile.
HOLD = "PyDLL(None).sleep(1000)"

BLIND = """
    @soak.scenario(seconds=0.2)
    def blind(target, rng):
        "Waits below Python for what another thread is to write."
        yield os.pipe()

    met = blind.sometimes("somebody has read")
    never = blind.sometimes("somebody has waited in vain")

    @blind.operation(threads=1)
    def read(pipe, rng):
        os.read(pipe[0], 1)
        met()

    @blind.operation(threads=1)
    def write(pipe, rng):
        os.write(pipe[1], b"1")
"""

TORN = """
    import select

    @soak.scenario(seconds=0.2)
    def torn(target, rng):
        "A reader that waits below Python, and a writer that forgets what it was to write now and then."
        yield {"pipe": os.pipe(), "wrong": False}

    @torn.operation(threads=1)
    def read(state, rng):
        pipe = state["pipe"][0]
        if select.select([pipe], [], [], 1.0)[0]:
            state["wrong"] |= os.read(pipe, 1) != b"1"

    @torn.operation(threads=1)
    def write(state, rng):
        os.write(state["pipe"][1], b"1" if rng.random() < 0.9 else b"0")

    @torn.check("what was written is read")
    def right(state):
        return not state["wrong"]
"""

APART = """
    @soak.scenario(seconds=0.2)
    def apart(target, rng):
        "Processes only."
        yield None

    @apart.operation(processes=2)
    def call(state, rng):
        pass
"""


@pytest.fixture
def bank(soak: Soak) -> Soak:
    """A folder with the target `shop.py` and the scenario file `bank.py`."""
    soak.story(ACCOUNT, "shop.py")
    soak.story(BANK, "bank.py")
    return soak


def kept(done: Done) -> list[str]:
    """The findings of the newest run."""
    return [event.finding for event in done.of(Kept)]


def test_a_race_between_operations_is_found_filed_shown_and_replayed(bank: Soak) -> None:
    """One run, one finding with token and story; its token brings it back each time, in fresh processes."""
    done = bank("explore", "bank.py")
    assert done.code == 1, done.stderr
    (finding,) = kept(done)
    assert finding.startswith("violation-")
    assert "withdraw-0: withdraw" in done.stdout and f"soak repro {finding}" in done.stdout
    assert done.of(RunEnded)[0].verdict is Verdict.FINDINGS
    occurrence = done.finding() / "1"
    token = (occurrence / "token.txt").read_text().strip()
    assert "self.balance = self.balance - amount" in (occurrence / "story.txt").read_text()
    shown = bank("show", finding)
    assert token in shown.stdout and "story.txt" in shown.stdout
    again = bank("repro", finding, "--count", "2", "--json")
    assert again.code == 1, again.stderr
    assert (again.document()["hits"], again.document()["tries"]) == (2, 2)
    record = json.loads((done.finding() / "finding.json").read_text())
    assert record["reproductions"][-1]["hits"] == 2


def test_a_token_of_changed_source_is_named_not_replayed(bank: Soak) -> None:
    """Neither by the finding's name nor by the line for other checkouts."""
    done = bank("explore", "bank.py")
    (event,) = done.of(Kept)
    with (bank.folder / "shop.py").open("a") as file:
        file.write("# changed\n")
    for command in (["repro", event.finding], shlex.split(event.anywhere)[1:]):
        refused = bank(*command)
        assert refused.code == 2
        assert "shop.py changed since the token was made" in refused.stderr
    assert "soak explore" in bank("repro", event.finding).stderr


def test_a_corrected_target_is_clean(bank: Soak) -> None:
    """`--target` replaces the scenario's, and its files are those that are switched in."""
    done = bank("explore", "bank.py::bank", "--target", "shop:Locked", "--schedules", "60", "--json")
    assert done.code == 0, done.stderr
    assert done.document()["schedules"] == 60
    assert done.document()["sweep"] > 0
    assert not done.findings()


def test_a_bug_that_both_find_has_one_name(soak: Soak) -> None:
    """A promise and a knot, once by a soak and once by a schedule."""
    for source in (BROKEN, KNOT):
        file = soak.story(source)
        soaked = soak("run", file, "--until-fail", "--perturb", "none", "--out", "soaked")
        explored = soak("explore", file, "--out", "explored")
        assert (soaked.code, explored.code) == (1, 1), soaked.stderr + explored.stderr
        assert set(kept(soaked)) == set(kept(explored)), soaked.stdout + explored.stdout


def test_a_soak_s_reproducer_and_a_schedule_stay_beside_each_other(soak: Soak) -> None:
    """`repro` prefers what is exact; a seed on the command line asks for the chance."""
    file = soak.story(BROKEN)
    soak("run", file, "--until-fail")
    found = soak("explore", file)
    (finding,) = kept(found)
    record = json.loads((found.finding() / "finding.json").read_text())
    assert record["schedule"]["token"] and not record["reproducer"]["token"]
    exact = soak("repro", finding, "--count", "1")
    assert "replaying its schedule" in exact.stderr
    soaked = soak("repro", finding, "--count", "1", "--seed", str(record["reproducer"]["seed"]))
    assert "in fresh workers" in soaked.stderr
    assert (exact.code, soaked.code) == (1, 1)


def test_a_crash_is_filed_with_the_token_that_brings_it_back(soak: Soak) -> None:
    """The token lay on disk before the schedule killed the process."""
    done = soak("explore", soak.story(DEADLY))
    assert done.code == 1, done.stderr
    (sighted,) = done.of(Sighted)
    assert "SIGSEGV in enter" in sighted.title
    again = soak("repro", kept(done)[0], "--count", "1", "--json")
    assert again.document()["hits"] == 1, again.stderr


def test_a_hang_that_holds_the_gil_is_filed_with_its_stacks(soak: Soak) -> None:
    """Its evidence has the line that holds the GIL, and its token brings it back."""
    done = soak("explore", soak.story(DEADLY.replace("string_at(0)", HOLD)), "--hang-after", "2")
    assert done.code == 1, done.stdout + done.stderr
    (sighted,) = done.of(Sighted)
    assert sighted.kind is Kind.HANG
    shown = soak("show", kept(done)[0])
    assert "in enter" in shown.stdout, shown.stdout
    again = soak("repro", kept(done)[0], "--count", "1", "--json")
    assert again.document()["hits"] == 1, again.stderr


def test_what_only_a_schedule_has_shown_cannot_be_soaked_again(bank: Soak) -> None:
    """`fixed`, `shrink` and their like measure soaks: they say what does it instead."""
    (finding,) = kept(bank("explore", "bank.py"))
    for command in (["fixed"], ["bisect", "--good", "HEAD~1"], ["shrink"]):
        refused = bank(*command, finding)
        assert refused.code == 2, refused.stdout
        assert "in a schedule that soak explore found" in refused.stderr


def test_what_has_processes_only_is_refused_by_name(soak: Soak) -> None:
    done = soak("explore", soak.story(APART))
    assert done.code == 2
    assert "apart has operations in processes of their own only" in done.stderr


def test_a_filter_that_matches_nothing_proves_nothing_and_names_the_soak(bank: Soak) -> None:
    done = bank("explore", "bank.py", "--switch-at", "nowhere.py")
    assert done.code == 5, done.stdout
    assert "proved nothing" in done.stdout
    assert "--perturb heavy" in done.stdout


def test_where_threads_wait_below_python_the_soak_that_takes_over_is_named(soak: Soak) -> None:
    """Schedules that stall prove nothing: it says how many did, where, and what was never seen."""
    file = soak.story(BLIND)
    done = soak("explore", file, "--stall", "0.3", "--soak", "0")
    assert done.code == 5, done.stdout + done.stderr
    assert "3 of" in done.stdout and "stalled: thread" in done.stdout and "os.read(pipe[0], 1)" in done.stdout
    assert f"soak run {file}::blind --perturb heavy" in done.stdout
    assert "never: somebody has waited in vain" in done.stdout.replace("somebody has read; ", "")


def test_where_threads_wait_below_python_a_soak_takes_over(soak: Soak) -> None:
    """It is told why, runs by itself, finds what schedules could not, and is part of the one document."""
    done = soak("explore", soak.story(TORN), "--stall", "0.2", "--soak", "3", "--seed", "5", "--json")
    assert done.code == 1, done.stdout + done.stderr
    assert "a soak under heavy noise takes over, for 3 s" in done.stderr
    record = done.document()
    assert record["uncontrolled"] and not record["found"]
    (finding,) = record["soak"]["findings"]
    assert "what was written is read" in finding["title"]
    assert soak("show", finding["finding"]).code == 0


def test_a_scenario_under_control_is_not_soaked(bank: Soak) -> None:
    """Where schedules decide everything, nothing takes over."""
    done = bank("explore", "bank.py", "--target", "shop:Locked", "--schedules", "20", "--json")
    assert done.code == 0, done.stdout + done.stderr
    assert not done.document()["uncontrolled"] and "soak" not in done.document()


def test_the_stream_of_an_exploration_can_be_reported(bank: Soak, tmp_path: Path) -> None:
    """Its schedules are said to be schedules: no rate of a soak follows from them."""
    bank("explore", "bank.py", "--target", "shop:Locked", "--schedules", "20")
    done = bank("report")
    assert done.code == 0, done.stderr
    assert "20 schedules" in done.stdout
    assert "95 % confidence" not in done.stdout
