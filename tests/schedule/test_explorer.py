"""`soak.race` finds what a plain run does not, says what it covered, and `soak.replay` brings it back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

import soak
from soak.schedule import BadToken
from soak.schedule.outcome import Kind
from tests.schedule import kernels

HANG = 60.0
"""Seconds after which a child is not slow but stuck."""


def named(function: Callable[[], None]) -> str:
    return function.__name__


@pytest.mark.parametrize("kernel", kernels.BUGGY, ids=named)
def test_a_race_is_found_shrunk_and_replayed(kernel: Callable[[], None]) -> None:
    """At most 200 schedules; what is left are at most five preemptions, and they bring it back exactly."""
    result = soak.race(kernel, target=[kernels], schedules=200)
    assert result.found, result
    assert result.first is not None
    assert result.first <= 200
    assert result.preemptions <= 5
    assert result.replays <= 50
    assert result.exact
    assert result.token is not None
    again = soak.replay(kernel, result.token)
    assert again.found
    assert again.exact
    assert again.kind is result.kind
    assert again.story == result.story


@pytest.mark.parametrize("kernel", kernels.FIXED, ids=named)
def test_a_corrected_twin_raises_no_alarm(kernel: Callable[[], None]) -> None:
    """200 schedules, none of which fails, stalls, never ends or fails to repeat."""
    result = soak.race(kernel, target=[kernels], schedules=200)
    assert not result.found, result
    assert result.unproven is None
    assert result.schedules == 200
    assert (result.endless, result.stalled, result.notes) == (0, None, ())


def test_nothing_found_is_a_statement_of_coverage() -> None:
    """Every schedule that differs in a single switch was among those tried, and the result says so."""
    result = soak.race(kernels.locked_update, target=[kernels], schedules=300)
    assert result.swept == result.sweep > 0
    assert f"{result.sweep} of {result.sweep} schedules" in str(result)


def test_a_deadlock_names_who_waits_for_what_and_who_holds_it() -> None:
    result = soak.race(kernels.crossed_locks, target=[kernels], schedules=200)
    assert result.kind is Kind.DEADLOCK
    assert "thread A at tests/schedule/kernels.py" in result.words
    assert "held by thread B" in result.words
    assert "held by thread A" in result.words


def test_a_failure_without_any_switch_is_found_at_once() -> None:
    def fails() -> None:
        kernels.together(lambda: None)
        raise ValueError("always")

    result = soak.race(fails)
    assert (result.found, result.first, result.preemptions) == (True, 1, 0)
    assert result.words == "ValueError: always"
    assert isinstance(result.error, ValueError)


def test_an_exception_in_a_thread_that_nobody_joins_is_found() -> None:
    def fails() -> None:
        threading.Thread(target=lambda: 1 // 0).start()

    result = soak.race(fails)
    assert result.words == "ZeroDivisionError: integer division or modulo by zero" or (
        result.words == "ZeroDivisionError: division by zero"
    )


def test_a_target_that_matches_nothing_proves_nothing() -> None:
    result = soak.race(kernels.lost_update, target=["/nowhere/at/all.py"])
    assert not result.found
    assert result.unproven is not None
    assert "check target" in result.unproven


def test_a_schedule_that_never_ends_is_counted() -> None:
    def spins() -> None:
        shared = kernels.Shared()
        while not shared.ready:
            shared.count += 1

    result = soak.race(spins, schedules=3, steps=500)
    assert (result.found, result.endless) == (False, 3)


def test_a_thread_that_spins_does_not_starve_whom_it_waits_for() -> None:
    def spins() -> None:
        shared = kernels.Shared()

        def tell() -> None:
            shared.ready = True

        thread = threading.Thread(target=tell)
        thread.start()
        while not shared.ready:
            pass
        thread.join()

    result = soak.race(spins, schedules=10)
    assert (result.found, result.endless) == (False, 0)


def test_chance_comes_first_and_has_tokens_that_replay() -> None:
    """Two random schedules between opcodes, then the undisturbed one, then what is built on it. Who allows
    too few schedules gets the undisturbed one.
    """
    tokens: list[str] = []
    soak.race(kernels.locked_update, target=[kernels], schedules=5, before=tokens.append)
    ends = [token.rpartition("/")[2] for token in tokens]
    assert ends[:3] == ["~walk.0", "~urw.0", ""]
    assert "kernels.py=" in tokens[0]
    again = [soak.replay(kernels.locked_update, tokens[1]).token for _ in range(2)]
    assert again[0] == again[1] and "/opcode/" in str(again[0])
    tokens.clear()
    soak.race(kernels.locked_update, target=[kernels], schedules=1, before=tokens.append)
    assert {token.rpartition("/")[2] for token in tokens} == {""}


def test_one_switch_is_told_where_one_is_enough() -> None:
    """What chance found with many switches is told by a single one of the undisturbed schedule."""
    result = soak.race(kernels.lost_update, target=[kernels], schedules=200)
    assert (result.preemptions, result.switches) == (1, 1)
    assert "/line/" in str(result.token)


def test_the_token_given_before_a_schedule_brings_the_failure_back() -> None:
    """Known before it runs, it outlives a crash: a single switch and a strategy's number alike."""
    for kernel in (kernels.lost_update, kernels.one_line_update):
        tokens: list[str] = []
        result = soak.race(kernel, target=[kernels], schedules=200, before=tokens.append)
        assert result.first is not None
        failing = tokens[result.first - 1]
        assert soak.replay(kernel, failing).found
    assert "~" in failing


@pytest.mark.parametrize("kernel", [kernels.checked_submit, kernels.update_after_an_import], ids=named)
def test_a_token_replays_in_a_fresh_process(kernel: Callable[[], None]) -> None:
    """Whatever the hash seed of that process, and though its first schedule imports what the token's did not,
    with the same hash of the trace."""
    result = soak.race(kernel, target=[kernels], schedules=200)
    program = (
        "import sys, soak; from tests.schedule import kernels\n"
        f"again = soak.replay(kernels.{kernel.__name__}, sys.argv[1])\n"
        "assert again.found and again.exact, again\n"
        "print(again.token)"
    )
    for hash_seed in ("1", "2"):
        child = subprocess.run(
            [sys.executable, "-c", program, str(result.token)],
            capture_output=True,
            text=True,
            timeout=HANG,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        assert child.stdout.strip() == result.token


def test_a_token_of_another_python_is_named_not_replayed() -> None:
    with pytest.raises(BadToken, match=r"made on Python 2\.7"):
        soak.replay(kernels.lost_update, "soak1/2.7/line/0/-//1.2.2")


def test_a_token_of_changed_source_is_named_not_replayed() -> None:
    result = soak.race(kernels.lost_update, target=[kernels], schedules=200)
    assert result.token is not None
    changed = result.token.replace("kernels.py=", "kernels.py=0")
    with pytest.raises(BadToken, match=r"kernels\.py changed since"):
        soak.replay(kernels.lost_update, changed)


def test_what_does_not_repeat_is_named() -> None:
    """The operating system's randomness decides how long a thread is; the result points to it."""

    def random_length() -> None:
        import random

        shared = kernels.Shared()
        generator = random.SystemRandom()

        def work() -> None:
            for _ in range(generator.randrange(1_000_000) % 1000):
                shared.count += 1

        kernels.together(work)

    result = soak.race(random_length, schedules=1)
    assert any("did not repeat" in note and "random generator" in note for note in result.notes)
