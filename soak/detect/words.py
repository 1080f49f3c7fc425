"""How things are said to people: sizes, durations, signals, texts of others."""

from __future__ import annotations

import signal


def size(count: float) -> str:
    """A number of bytes: ``12 B``, ``10.2 kB``, ``1.50 GB`` (powers of ten)."""
    magnitude = abs(count)
    if magnitude < 1e3:
        return f"{count:.0f} B"
    for unit, scale in (("kB", 1e3), ("MB", 1e6)):
        if magnitude < scale * 999.5:
            return f"{_three_digits(count / scale)} {unit}"
    return f"{_three_digits(count / 1e9)} GB"


def amount(count: float) -> str:
    """A count in few characters: ``999``, ``12.3k``, ``1.20M``."""
    magnitude = abs(count)
    if magnitude < 999.5:
        return f"{count:.0f}" if magnitude >= 10 or count == int(count) else f"{count:.1f}"
    for unit, scale in (("k", 1e3), ("M", 1e6)):
        if magnitude < scale * 999.5:
            return f"{_three_digits(count / scale)}{unit}"
    return f"{_three_digits(count / 1e9)}G"


def duration(seconds: float) -> str:
    """A duration: ``8.4 s``, ``2 min 05 s``, ``1 h 05 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11; ``signal 99`` for what this machine does not know."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def printable(text: str) -> str:
    """A text on one line, without the escape sequences that a target may have put into its messages."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _three_digits(value: float) -> str:
    magnitude = abs(value)
    return f"{value:.0f}" if magnitude >= 99.95 else f"{value:.1f}" if magnitude >= 9.995 else f"{value:.2f}"
