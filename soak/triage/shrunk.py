"""What shrinking came to: before and after, in words, as a document, and as the file that anyone can run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak.findings.finding import Finding
from soak.findings.statistics import wilson
from soak.triage.candidates import Measured
from soak.triage.pool import Choice

_MOST_NAMES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """``own_choices`` are a seed and an iteration of the finding's own, where it needs them; else any do.
    ``stopped`` is why it is not as small as can be, or ""; ``signal`` which one it was, or 0.
    """

    finding: Finding
    before: Measured
    after: Measured
    own_choices: Choice | None
    stopped: str
    signal: int = 0

    def in_words(self, path: Path) -> str:
        """The table of before and after, and the line that runs what was written to ``path``."""
        rows = [
            (name, before, after)
            for (name, before), (_, after) in zip(_facts(self.before), _facts(self.after), strict=True)
        ]
        head = ("", "before", "after")
        widths = [max(len(row[column]) for row in (head, *rows)) for column in (0, 1)]
        lines = [f"{name:<{widths[0]}}  {old:<{widths[1]}}  {new}" for name, old, new in (head, *rows)]
        if self.stopped:
            lines += ["", self.stopped]
        lines += ["", f"wrote {path}; run it:", f"    {self.command(path)}"]
        return "\n".join(line.rstrip() for line in lines)

    def command(self, path: Path) -> str:
        """The line that brings the finding back with the file at ``path``."""
        known = self.finding.reproducer
        words = ["soak", "run", str(path), "--until-fail"]
        if self.after.shape.perturb != "light":
            words += ["--perturb", self.after.shape.perturb]
        if known.guard_malloc:
            words.append("--guard-malloc")
        if known.hang_after != 10.0:
            words += ["--hang-after", f"{known.hang_after:g}"]
        if known.python:
            words += ["--python", known.python]
        if self.own_choices is not None:
            seed, iteration = self.own_choices
            words += ["--seed", str(seed), "--count", str(iteration + 1)]
        return shlex.join(words)

    def doc(self, path: Path) -> str:
        """The docstring of the file at ``path``."""
        needs = " It needs this seed." if self.own_choices is not None else ""
        return (
            f"{self.finding.id}, shrunk: {self.finding.title}\n\n"
            f"It came back in {self.after.count.in_words()} of fresh workers.{needs}\n\n"
            f"    {self.command(Path(path.name))}\n"
        )

    def document(self, path: Path) -> dict[str, Any]:
        """The same for machines."""
        return {
            "finding": self.finding.id,
            "before": _plain(self.before),
            "after": _plain(self.after),
            "needs_seed": self.own_choices is not None,
            "stopped": self.stopped,
            "file": str(path),
            "run": self.command(path),
        }


def _facts(measured: Measured) -> list[tuple[str, str]]:
    shape = measured.shape
    return [
        ("threads", str(shape.workforce)),
        ("operations", _names(shape.operations)),
        ("nemeses", _names(shape.nemeses)),
        ("perturb", shape.perturb),
        ("rounds", "-" if shape.rounds is None else str(shape.rounds)),
        ("seconds", f"{shape.seconds:g}"),
        ("target", shape.target or "the scenario's"),
        ("rate", measured.count.in_words()),
    ]


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return "none"
    shown = f"{len(names)}: {', '.join(names[:_MOST_NAMES])}"
    return shown + (", …" if len(names) > _MOST_NAMES else "")


def _plain(measured: Measured) -> dict[str, Any]:
    shape, count = measured.shape, measured.count
    return {
        "threads": shape.workforce,
        "operations": list(shape.operations),
        "nemeses": list(shape.nemeses),
        "perturb": shape.perturb,
        "rounds": shape.rounds,
        "seconds": shape.seconds,
        "target": shape.target,
        "hits": count.hits,
        "tries": count.tries,
        "interval": list(wilson(count.hits, count.tries)),
    }
