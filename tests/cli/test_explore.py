"""`soak explore`: what fails in a child comes with the line that replays it."""

from __future__ import annotations

import shlex
import textwrap

import pytest

from tests.cli.command import Soak

BANK = """
    import ctypes
    import threading

    class Account:
        def __init__(self):
            self.balance = 100
            self.lock = threading.Lock()

        def withdraw(self, amount):
            if self.balance >= amount:
                self.balance = self.balance - amount

        def withdraw_locked(self, amount):
            with self.lock:
                self.withdraw(amount)

        def withdraw_and_die(self, amount):
            if self.balance >= amount:
                self.balance = self.balance - amount
                if self.balance < 0:
                    ctypes.string_at(0)

        def withdraw_and_sleep_with_the_gil(self, amount):
            if self.balance >= amount:
                self.balance = self.balance - amount
                if self.balance < 0:
                    ctypes.PyDLL(None).sleep(1000)

    def twice(withdraw):
        threads = [threading.Thread(target=withdraw, args=(70,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def racy():
        account = Account()
        twice(account.withdraw)
        assert account.balance >= 0

    def locked():
        account = Account()
        twice(account.withdraw_locked)
        assert account.balance >= 0

    def deadly():
        twice(Account().withdraw_and_die)

    def deaf():
        twice(Account().withdraw_and_sleep_with_the_gil)

    not_callable = 3
"""


@pytest.fixture
def bank(soak: Soak) -> Soak:
    """A folder with `bank.py`."""
    (soak.folder / "bank.py").write_text(textwrap.dedent(BANK))
    return soak


def test_a_race_is_found_and_its_line_replays_it(bank: Soak) -> None:
    """Exit code 1, the story, and a command that fails in the same way; a changed source is named instead."""
    done = bank("explore", "bank.py::racy")
    assert done.code == 1, done.stderr
    assert "thread B ran `self.balance = self.balance - amount`: AssertionError." in done.stdout
    command = shlex.split(done.stdout.splitlines()[-1])
    assert command[:4] == ["soak", "explore", "bank.py::racy", "--token"]
    again = bank(*command[1:], "--json")
    assert again.code == 1, again.stderr
    assert again.document()["exact"] is True
    with (bank.folder / "bank.py").open("a") as file:
        file.write("# changed\n")
    changed = bank(*command[1:])
    assert changed.code == 2
    assert "bank.py changed since the token was made" in changed.stderr


def test_what_is_corrected_is_clean(bank: Soak) -> None:
    done = bank("explore", "bank.py::locked", "--schedules", "100", "--json")
    assert done.code == 0, done.stderr
    document = done.document()
    assert document["schedules"] == 100
    assert document["swept"] == document["sweep"] > 0


def test_a_crash_leaves_its_token(bank: Soak) -> None:
    """The token was on disk before the schedule ran: the command that is printed crashes again."""
    done = bank("explore", "bank.py::deadly")
    assert done.code == 1, done.stderr
    assert "died of SIGSEGV" in done.stdout
    again = bank(*shlex.split(done.stdout.splitlines()[-1])[1:], "--json")
    assert again.code == 1
    assert again.document()["kind"] == "crash"


def test_a_hang_that_holds_the_gil_leaves_its_token(bank: Soak) -> None:
    """No thread of the child's can tell: from outside it is seen that no schedule begins any more."""
    done = bank("explore", "bank.py::deaf", "--hang-after", "2")
    assert done.code == 1, done.stderr
    assert "no schedule ended within 2 s in the schedule of this token" in done.stdout
    again = bank(*shlex.split(done.stdout.splitlines()[-1])[1:], "--hang-after", "2", "--json")
    assert again.code == 1
    assert again.document()["kind"] == "hang"


def test_limits_of_a_schedule_are_the_users(bank: Soak) -> None:
    """Schedules that take more steps prove nothing; the replaying line keeps the limits of its search."""
    done = bank("explore", "bank.py::locked", "--schedules", "5", "--steps", "3")
    assert done.code == 5, done.stdout
    assert "no schedule ended within 3 steps" in done.stdout
    found = bank("explore", "bank.py::racy", "--steps", "5000", "--stall", "30")
    command = shlex.split(found.stdout.splitlines()[-1])
    assert command[-4:] == ["--steps", "5000", "--stall", "30.0"]
    assert bank(*command[1:]).code == 1


def test_a_filter_that_matches_nothing_proves_nothing(bank: Soak) -> None:
    done = bank("explore", "bank.py::racy", "--switch-at", "other.py")
    assert done.code == 5, done.stdout
    assert "proved nothing" in done.stdout


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("bank.py", "as FILE::function"),
        ("nowhere.py::racy", "there is no file"),
        ("bank.py::nobody", "it has: "),
        ("bank.py::not_callable", "cannot be called"),
    ],
)
def test_what_cannot_be_explored_is_a_usage_problem(bank: Soak, function: str, words: str) -> None:
    done = bank("explore", function)
    assert done.code == 2
    assert words in done.stderr
