"""What the memory tells: frozen values, read from the database. Standard library only.

Times are Unix seconds, durations seconds. A ``run`` here is the run's name, its folder below ``runs/``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from soak.events import Kind, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run. ``id`` is the database's own number: two machines may have runs of one name.

    ``command`` is the first word of ``argv``: ``run``, ``repro``. ``verdict`` is None as long as the stream
    has no end. ``seconds`` is how long it ran; ``broken_lines`` how many lines of its stream could not be
    read; ``pruned`` whether its folder was taken away to bound the disk.
    """

    id: int
    name: str
    command: str
    argv: tuple[str, ...]
    seed: int
    started: float
    seconds: float
    minutes: float | None
    count: int | None
    jobs: int
    verdict: Verdict | None
    reason: str
    broken_lines: int
    pruned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRecord:
    """What one scenario did in one run, over all its workers.

    ``tries`` are the iterations that could have failed: the finished ones, and those that a worker died in.
    ``seconds`` is the time that its workers lived, added up. ``unproven`` says why a run without a finding
    has not proved it; empty where it has.
    """

    scenario: str
    iterations: int
    tries: int
    operations: int
    accepted: int
    refused: int
    seconds: float
    sometimes: dict[str, int]
    unproven: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRun:
    """One finding in one run: a row of its history.

    ``hits`` counts the iterations in which it was sighted, ``sightings`` its sightings. ``tries`` are those
    of the scenarios in which it *ever* came up: a run in which these ran and it did not come has ``hits`` 0.
    """

    finding: str
    run: RunRecord
    scenarios: tuple[str, ...]
    tries: int
    hits: int
    sightings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A finding that somebody knows of and lives with. ``hits`` counts its sightings since ``when``.

    ``last_hit`` is when the latest of them was, or None where it never came again.
    """

    finding: str
    because: str
    when: float
    hits: int = 0
    last_hit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRecord:
    """A deduplicated problem over all runs. ``first_run`` and ``last_run`` are names of runs.

    They are "" where no stream tells of it any more, and only the files store knows it.
    """

    id: str
    kind: Kind
    title: str
    detail: str
    parts: tuple[str, ...]
    first_seen: float
    last_seen: float
    first_run: str
    last_run: str
    sightings: int
    acceptance: Acceptance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceRecord:
    """One sighting. ``path`` is its evidence, relative to ``--out``, "" where that was not kept."""

    finding: str
    run: str
    sighting: int
    scenario: str
    worker: int
    iteration: int
    t: float
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One ``soak run`` with all that it did: a row of ``soak history``.

    ``findings`` holds the findings that came, the most hits first. ``environment`` are the run's facts.
    """

    run: RunRecord
    scenarios: tuple[ScenarioRecord, ...]
    findings: tuple[FindingRun, ...]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def tries(self) -> int:
        """Iterations over all scenarios that could have failed."""
        return sum(scenario.tries for scenario in self.scenarios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What an ingest did: names of the runs that were new or had grown, and what could not be read."""

    runs: tuple[str, ...] = ()
    broken_lines: int = 0
    unreadable: tuple[str, ...] = ()
