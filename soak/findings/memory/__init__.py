"""The memory: every run, what it did and what it found, in ``<out>/soak.db`` or a PostgreSQL database.

Open it with :func:`open_memory`; the database's libraries are imported with the first call::

    with open_memory(out, url) as memory:          # url "" for SQLite in <out>/soak.db
        memory.ingest()                            # what runs/*/events.jsonl has and it has not yet
        memory.runs()                              # tuple[RunRecord, ...], oldest first
        memory.nights(last=14)                     # tuple[Night, ...], oldest first: `soak run`s only
        memory.findings()                          # tuple[FindingRecord, ...], seen last first
        memory.finding_history("crash-4a60…")      # tuple[FindingRun, ...], one for each run, oldest first
        memory.occurrences("crash-4a60…")          # tuple[OccurrenceRecord, ...], oldest first
        memory.environment(run_record.id)          # dict[str, str], the run's facts
        memory.accept("crash-4a60…", because="known, upstream", when=time.time())
        memory.unaccept("crash-4a60…")
        memory.acceptances()                       # tuple[Acceptance, ...]
        memory.record_reproduction("crash-4a60…", Reproduction(t=…, hits=…, tries=…))
        memory.reproductions("crash-4a60…")        # tuple[Reproduction, ...], oldest first

Who writes holds the lock of ``--out``. Evidence stays in the files store, :class:`soak.findings.Store`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from soak.findings.memory.problems import (
    MemoryLockedError,
    MemoryProblemError,
    NewerSchemaError,
    UnusableUrlError,
)
from soak.findings.memory.records import (
    Acceptance,
    FindingRecord,
    FindingRun,
    Ingested,
    Night,
    OccurrenceRecord,
    RunRecord,
    ScenarioRecord,
)

if TYPE_CHECKING:
    from soak.findings.memory.memory import Memory

__all__ = [
    "Acceptance",
    "FindingRecord",
    "FindingRun",
    "Ingested",
    "MemoryLockedError",
    "MemoryProblemError",
    "NewerSchemaError",
    "Night",
    "OccurrenceRecord",
    "RunRecord",
    "ScenarioRecord",
    "UnusableUrlError",
    "open_memory",
]


def open_memory(out: Path, url: str = "") -> Memory:
    """The memory of ``out``, made or brought to this version's schema where needed.

    Raises:
        UnusableUrlError: ``url`` is none, or of a kind that soak does not know.
        NewerSchemaError: a later version of soak made it.
        MemoryLockedError: somebody else writes into it for too long.
        MemoryProblemError: it cannot be reached, read or written.
    """
    from soak.findings.memory.memory import Memory

    return Memory(out, url)
