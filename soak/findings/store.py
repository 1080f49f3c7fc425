"""The findings on disk: deduplicated by signature, bounded in size, whole after any crash.

``<root>/findings/<id>/finding.json``, and one folder ``<root>/findings/<id>/<n>/`` per kept occurrence.
One run at a time writes, which the run's lock sees to; readers may come at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from soak.events import Kept, Sighted, from_plain, to_plain
from soak.files import beside, write_whole
from soak.findings import occurrence
from soak.findings.finding import Finding, FindingContext, Reproduction, reproducer_of
from soak.findings.signature import Signature, signature

#: The first occurrences stay for good, and of the others the latest.
FIRST_KEPT, LATEST_KEPT = 3, 5
#: A finding counts its occurrences per run for so many runs, and keeps so many measured rates.
RUNS_KEPT, REPRODUCTIONS_KEPT = 200, 50


class FindingNotFoundError(LookupError):
    """No finding, or several, go by that name."""


class Store:
    """The folder ``findings`` below ``root``. Files appear whole; a full disk leaves all as it was."""

    def __init__(self, root: Path, say: Callable[[str], None] = lambda _text: None) -> None:
        """``say`` hears of a damaged file that was moved aside."""
        self._root = root
        self._folder = root / "findings"
        self._say = say

    def file(self, sighted: Sighted, run_folder: Path, context: FindingContext) -> Kept:
        """File one sighting: a new finding, or one more occurrence of a known one.

        Raises:
            OSError: the disk is full or cannot be written; nothing half-written stays behind.
        """
        name = signature(sighted)
        folder = self._folder / name.id
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        known = self._read(folder)
        number = max([known.count if known else 0, *_numbers(folder)]) + 1
        temporary = beside(folder / str(number))
        try:
            temporary.mkdir()
            occurrence.fill(temporary, number, name.id, sighted, run_folder, context)
            temporary.rename(folder / str(number))
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        self._write(_counted(known, name, number, sighted, context))
        _bound(folder)
        return Kept(
            t=sighted.t,
            sighting=sighted.sighting,
            finding=name.id,
            occurrence=number,
            new=known is None,
            path=f"findings/{name.id}/{number}",
        )

    def file_once(self, sighted: Sighted, run_folder: Path, context: FindingContext) -> Kept:
        """As :meth:`file`, for a sighting that a killed supervisor may have filed without saying so.

        Raises:
            OSError: the disk is full or cannot be written; nothing half-written stays behind.
        """
        name = signature(sighted)
        folder = self._folder / name.id
        for number in reversed(_numbers(folder)):
            if not _is_of(folder / str(number), sighted, context):
                continue
            known = self._read(folder)
            if known is None or known.count < number:  # it was filed, and not counted
                self._write(_counted(known, name, number, sighted, context))
            return Kept(
                t=sighted.t,
                sighting=sighted.sighting,
                finding=name.id,
                occurrence=number,
                new=number == 1,
                path=f"findings/{name.id}/{number}",
            )
        return self.file(sighted, run_folder, context)

    def add_evidence(self, kept: Kept, path: Path, name: str = "") -> Path | None:
        """Add a file that came later to an occurrence; None where file or occurrence are not there any more.

        Raises:
            OSError: the disk is full or cannot be written; nothing half-written stays behind.
        """
        folder = self._root / kept.path
        return occurrence.add(folder, path, name or path.name) if folder.is_dir() else None

    def explain_missing(self, kept: Kept, name: str, problem: str) -> None:
        """Say in an occurrence's ``missing.txt`` why the evidence ``name`` is not there.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        path = self._root / kept.path / "missing.txt"
        if not path.parent.is_dir():
            return
        before = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        write_whole(path, f"{before}{name}: {problem}\n", sync=False)

    def record_reproduction(self, finding: str, reproduction: Reproduction) -> Finding:
        """Note a measured rate of the finding's reproducer.

        Raises:
            FindingNotFoundError: there is no such finding.
            OSError: the disk is full or cannot be written.
        """
        known = self.find(finding)
        measured = (*known.reproductions, reproduction)[-REPRODUCTIONS_KEPT:]
        known = dataclasses.replace(known, reproductions=measured)
        self._write(known)
        return known

    def find(self, prefix: str) -> Finding:
        """The finding whose id is ``prefix`` or begins with it; the hexadecimal part alone will do, too.

        Raises:
            FindingNotFoundError: none or several do.
        """
        known = {finding.id: finding for finding in self.all()}
        if prefix in known:
            return known[prefix]
        names = [name for name in known if prefix and _goes_by(name, prefix)]
        if len(names) == 1:
            return known[names[0]]
        if names:
            raise FindingNotFoundError(
                f"{prefix!r} names {len(names)} findings: {', '.join(sorted(names))}; give more of the name"
            )
        have = f"it has {', '.join(known)}" if known else "it has none yet"
        raise FindingNotFoundError(
            f"expected the name of a finding in {self._folder}, got {prefix!r}; {have}"
        )

    def all(self) -> list[Finding]:
        """All findings, the one seen last first."""
        if not self._folder.is_dir():
            return []
        folders = [path for path in self._folder.iterdir() if path.is_dir()]
        findings = [finding for path in folders if (finding := self._read(path))]
        return sorted(findings, key=lambda finding: (-finding.last_seen, finding.id))

    def folder(self, finding: str) -> Path:
        """Where a finding's occurrences lie."""
        return self._folder / finding

    def occurrences(self, finding: str) -> list[Path]:
        """The folders of the occurrences that are kept, oldest first."""
        folder = self._folder / finding
        return [folder / str(number) for number in _numbers(folder)]

    def _read(self, folder: Path) -> Finding | None:
        path = folder / "finding.json"
        try:
            record = json.loads(path.read_bytes())
            if not isinstance(record, dict):
                raise ValueError("no JSON object")
            return from_plain(Finding, record)
        except FileNotFoundError:
            return self._rebuild(folder)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            aside = path.with_suffix(".corrupt")
            path.replace(aside)
            self._say(f"{path} was damaged ({error}); it was moved to {aside.name} and made anew")
            return self._rebuild(folder)

    def _rebuild(self, folder: Path) -> Finding | None:
        """The finding as far as its occurrences tell: a killed run may have filed one, and not counted it."""
        known: Finding | None = None
        for number in _numbers(folder):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                found = occurrence.read(folder / str(number))
                known = _counted(known, signature(found.sighted), number, found.sighted, found.context)
        if known:
            known = dataclasses.replace(known, id=folder.name)
            self._write(known)
        return known

    def _write(self, finding: Finding) -> None:
        text = json.dumps(to_plain(finding), indent=1, ensure_ascii=False) + "\n"
        write_whole(self._folder / finding.id / "finding.json", text)


def _counted(
    known: Finding | None, name: Signature, number: int, sighted: Sighted, context: FindingContext
) -> Finding:
    """The finding with one more occurrence. Its reproducers are the latest ones: the code moves on."""
    latest = reproducer_of(sighted, context)
    keeps = bool(latest.token) and known is not None and not known.reproducer.token
    runs = dict(known.runs) if known else {}
    runs[context.run] = runs.get(context.run, 0) + 1
    broken_as = Counter(known.broken_as if known else {})
    broken_as.update([sighted.promise] * bool(sighted.guarantee))
    return Finding(
        id=name.id,
        kind=sighted.kind,
        title=known.title if known else sighted.title,
        detail=sighted.detail,
        parts=name.parts,
        frames=sighted.frames,
        signal=sighted.signal,
        tainted=sighted.tainted,
        shutdown=sighted.shutdown,
        first_seen=known.first_seen if known else sighted.t,
        last_seen=max(sighted.t, known.last_seen) if known else sighted.t,
        count=number,
        runs=dict(list(runs.items())[-RUNS_KEPT:]),
        reproducer=known.reproducer if known and keeps else latest,
        reproductions=known.reproductions if known else (),
        broken_as=dict(broken_as),
        schedule=latest if latest.token else known.schedule if known else None,
    )


def _is_of(folder: Path, sighted: Sighted, context: FindingContext) -> bool:
    """Whether the occurrence in ``folder`` is this sighting of this run."""
    try:
        found = occurrence.read(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return found.context.run == context.run and found.sighted == sighted


def _goes_by(name: str, prefix: str) -> bool:
    return name.startswith(prefix) or name.rsplit("-", 1)[-1].startswith(prefix)


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit())


def _bound(folder: Path) -> None:
    """Take away what is neither among the first nor the latest; a folder vanishes at once, by a rename."""
    later = [number for number in _numbers(folder) if number > FIRST_KEPT]
    for number in later[:-LATEST_KEPT]:
        gone = beside(folder / str(number))
        (folder / str(number)).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Take away what a killed writer left half-made. Its process id is in the name."""
    for path in folder.glob(".*.tmp"):
        owner = path.name.split(".")[-2].split("-")[0]
        if owner.isdigit() and int(owner) != os.getpid() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
