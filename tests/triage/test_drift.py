"""What differs from when a finding was seen is told, and what nobody noted is no difference."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from soak.events import Kind
from soak.files import digest
from soak.findings.finding import Reproducer
from soak.triage.drift import drift
from tests.triage.test_reproduce import ENTRY, finding

COMMIT = "cb06878f0a1234567890"


def told(known: Reproducer, file: Path, commit: str = COMMIT, **environ: str) -> tuple[str, ...]:
    entry = dataclasses.replace(ENTRY, file=file)
    return drift(known, entry, soak="0.2.0", commit=commit, environ=environ)


def known(file: Path, **changes: object) -> Reproducer:
    reproducer = finding(Kind.CRASH, 1, 0).reproducer
    same = dataclasses.replace(reproducer, soak="0.2.0", digest=digest(file), commit=COMMIT)
    return dataclasses.replace(same, **changes)  # type: ignore[arg-type]


def test_nothing_is_told_where_all_is_as_it_was(tmp_path: Path) -> None:
    """Also of a commit that is cut short, as a report prints it, and of an old finding without notes."""
    file = tmp_path / "story.py"
    file.write_text("1")
    assert told(known(file), file) == ()
    assert told(known(file, commit=COMMIT[:12]), file) == ()
    assert told(known(file, soak="", digest="", commit=""), file) == ()


def test_each_difference_is_told(tmp_path: Path) -> None:
    """Version, scenario file, commit, uncommitted changes then and now, environment."""
    file = tmp_path / "story.py"
    file.write_text("1")
    assert "with soak 0.1.0, and this is 0.2.0" in told(known(file, soak="0.1.0"), file)[0]
    assert "story.py has changed since" in told(known(file, digest="0" * 12), file)[0]
    assert told(known(file, commit="abc1234567890"), file) == (
        "it was found at commit abc123456789, and cb06878f0a12 is checked out",
    )
    assert "not committed" in told(known(file, commit=f"{COMMIT} (changed)"), file)[0]
    assert "files differ" in told(known(file), file, commit=f"{COMMIT} (changed)")[0]
    assert told(known(file, env={"A": "1"}), file, A="2") == ("A was '1', and is '2' here",)
    assert told(known(file, env={"A": "1"}), file, A="1") == ()
