"""One occurrence's folder: the evidence, cut to a bounded size, with a summary for people."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from soak.detect.words import signal_name
from soak.events import Frame, Sighted, from_plain, to_plain
from soak.files import copy_bounded, write_whole
from soak.findings.finding import FindingContext
from soak.findings.ring import is_flight, read_ring

_FRAMES_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What an occurrence's folder says of itself, in ``sighting.json``."""

    number: int
    sighted: Sighted
    context: FindingContext


def fill(
    folder: Path, number: int, finding: str, sighted: Sighted, run_folder: Path, context: FindingContext
) -> None:
    """Fill an occurrence's new ``folder``. Evidence that is not there is named in the summary instead.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    missing = [name for name in sighted.evidence if not add(folder, run_folder / name, name)]
    occurrence = Occurrence(number=number, sighted=sighted, context=context)
    write_whole(folder / "sighting.json", _json(to_plain(occurrence)))
    write_whole(folder / "env.json", _json(context.environment), sync=False)
    write_whole(folder / "summary.txt", summary(finding, occurrence, missing), sync=False)


def add(folder: Path, source: Path, name: str) -> Path | None:
    """Copy one piece of evidence into ``folder``; None where it is not there. A flight file becomes text too.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    if not source.is_file():
        return None
    target = _free_name(folder, name)
    copy_bounded(source, target, sync=False)
    if is_flight(target):
        # What is filed was saved a moment ago: by this clock, a stuck thread's age is right.
        text = read_ring(target, now=time.monotonic())
        first = folder / "ring.txt"
        write_whole(folder / f"ring-{target.stem}.txt" if first.exists() else first, text, sync=False)
    return target


def read(folder: Path) -> Occurrence:
    """The occurrence that lies in ``folder``.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    record = json.loads((folder / "sighting.json").read_bytes())
    if not isinstance(record, dict):
        raise ValueError(f"{folder}: expected a JSON object in sighting.json")
    return from_plain(Occurrence, record)


def summary(finding: str, occurrence: Occurrence, missing: list[str]) -> str:
    """The first thing to read in an occurrence's folder."""
    sighted, context = occurrence.sighted, occurrence.context
    marks = [word for word, set_ in (("shutdown", sighted.shutdown), ("tainted", sighted.tainted)) if set_]
    if sighted.signal:
        marks.insert(0, signal_name(sighted.signal))
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(sighted.t))
    lines = [
        f"{finding}, occurrence {occurrence.number}: {sighted.title}",
        sighted.detail,
        "",
        f"kind       {sighted.kind.value}" + (f" ({', '.join(marks)})" if marks else ""),
        f"when       {when}, run {context.run}, worker {sighted.worker}",
        f"scenario   {context.scenario} ({context.scenario_file}), iteration {sighted.iteration}, "
        f"worker began at {sighted.first_iteration}, seed {context.seed}",
        f"target     {context.target or 'of the scenario'}",
        f"back       soak repro {finding}",
    ]
    if sighted.frames:
        lines += ["", "Stack, innermost first:", *(_frame(frame) for frame in sighted.frames[:_FRAMES_SHOWN])]
    if sighted.doing:
        lines += ["", "Threads:", *(f"  {words}" for words in sighted.doing)]
    if missing:
        lines += ["", f"Evidence that was not there: {', '.join(missing)}"]
    return "\n".join(line for line in lines) + "\n"


def _frame(frame: Frame) -> str:
    line = f":{frame.line}" if frame.line else ""
    return f"  {frame.function}  {frame.file}{line}" + ("  (native)" if frame.native else "")


def _free_name(folder: Path, name: str) -> Path:
    """The file's own name, or with the folder it came from where that name is taken."""
    plain = folder / Path(name).name
    if plain.name not in {"sighting.json", "env.json", "summary.txt"} and not plain.exists():
        return plain
    long = re.sub(r"[^\w.-]+", "-", name.strip("/"))
    candidates = [folder / long, *(folder / f"{number}-{long}" for number in range(2, 1000))]
    return next(candidate for candidate in candidates if not candidate.exists())


def _json(plain: object) -> str:
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"
