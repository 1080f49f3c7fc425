"""The command line: one file per command; each parses, builds, calls, and returns an exit code."""

from __future__ import annotations


def main() -> None:
    """The entry point of ``soak`` and ``python -m soak``."""
    from soak.cli.app import app
    from soak.cli.exits import told_in_words

    with told_in_words():
        app(prog_name="soak")
