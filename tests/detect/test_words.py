"""How numbers are said."""

from __future__ import annotations

import pytest

from soak.detect.words import amount, duration, signal_name, size


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (10_240, "10.2 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (123_456_789, "123 MB"),
        (6.4e9, "6.40 GB"),
        (-2048, "-2.05 kB"),
    ],
)
def test_size(count: float, words: str) -> None:
    """Sizes have three digits and a unit."""
    assert size(count) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (7.25, "7.2"), (999, "999"), (12_345, "12.3k"), (2e6, "2.00M"), (3e9, "3.00G")],
)
def test_amount(count: float, words: str) -> None:
    """Counts fit a column."""
    assert amount(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3600, "1 h 00 min"),
        (9000, "2 h 30 min"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    """Durations have the two units that count."""
    assert duration(seconds) == words


def test_signal_name() -> None:
    """A signal is told by name, where it has one."""
    assert signal_name(11) == "SIGSEGV"
    assert signal_name(50) == "signal 50"
