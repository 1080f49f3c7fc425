"""When a finding came to be on disk.

By the change time of its files, which a rename sets: files of the store appear by a rename. It is that of the
kernel's last tick, so a reading may be up to one tick (1 to 10 ms) too early, and nothing has to poll.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.soaking import Soaked


def only_finding(soaked: Soaked) -> Path:
    """The folder of the run's only finding.

    Raises:
        RuntimeError: it has none or several.
    """
    findings = soaked.findings()
    if len(findings) != 1:
        raise RuntimeError(f"expected one finding, got {[path.name for path in findings]}")
    return findings[0]


def filed_at(path: Path) -> float:
    """When ``path`` appeared, Unix seconds."""
    return path.stat().st_ctime


def text_of(path: Path) -> str:
    """A file's contents, "" where there is none."""
    return path.read_text(errors="replace") if path.is_file() else ""
