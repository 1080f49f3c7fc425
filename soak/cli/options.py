"""The options that several commands have. Nothing here is imported that ``soak --help`` could do without."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer


class Perturb(enum.StrEnum):
    """How hard the target's threads are jittered."""

    NONE = "none"
    LIGHT = "light"
    HEAVY = "heavy"


class FailOn(enum.StrEnum):
    """Which findings make a run fail."""

    NEW = "new"
    WORSE = "worse"
    ANY = "any"


Out = Annotated[Path, typer.Option("--out", help="Where findings and runs are kept.")]
Python = Annotated[str, typer.Option("--python", help="Run workers with this Python interpreter.")]
Target = Annotated[
    str,
    typer.Option("--target", metavar="MODULE:ATTR", help="Soak this instead of the scenario's own target."),
]
HangAfter = Annotated[
    float | None,
    typer.Option("--hang-after", min=0.1, metavar="S", help="Seconds without progress that are a hang (10)."),
]
PerturbOption = Annotated[
    Perturb, typer.Option("--perturb", help="Seeded jitter at line events of the target's files.")
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout; words for people on stderr.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the closing report.")]
Wait = Annotated[
    float,
    typer.Option("--wait", min=0.0, metavar="S", help="Wait so long for another run in the same --out."),
]

Confidence = Annotated[
    float, typer.Option("--confidence", min=0.5, max=0.9999, metavar="C", help="How sure to be.")
]

Db = Annotated[
    str,
    typer.Option(
        "--db", envvar="SOAK_DB", metavar="URL", help="Remember runs in this database (soak.db in --out)."
    ),
]

Retain = Annotated[
    list[str] | None,
    typer.Option(
        "--retain",
        metavar="LIMIT",
        help="Keep so much (2GB) or so many occurrences (500), the newest; a finding's first one stays.",
    ),
]

OUT, HERE = Path(".soak"), Path()
#: The heading in `soak repro --help` over what a report's line says.
RECIPE = "Instead of what --out knows"
