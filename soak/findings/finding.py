"""A finding as it lies on disk: what it is, how often it came, and what brings it back."""

from __future__ import annotations

from dataclasses import dataclass, field

from soak.events import Frame, Kind, Sighted
from soak.supervisor.machine_environment import TELLING_VARIABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingContext:
    """What a sighting does not know of itself: the run, and how its worker was told to work.

    ``environment`` is what goes into ``env.json``: versions, machine, settings. ``digest`` names the
    content of the scenario's file; ``token`` the schedule, where it was found in a controlled one.
    """

    run: str
    scenario_file: str
    scenario: str
    target: str
    seed: int
    perturb: str
    guard_malloc: bool
    hang_after: float
    python: str
    environment: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproducer:
    """Everything that ``soak repro`` needs. The worker began at ``first_iteration``.

    With a ``token``, it is one schedule of few calls, and ``iteration`` says how many were tried before.
    The other four of the last say where it was seen: the version of soak, the digest of the scenario's
    file, the commit of the working directory ("(changed)" behind it where files differed), and the
    environment variables that change what a race looks like. "" where nobody noted it.
    """

    scenario_file: str
    scenario: str
    target: str
    seed: int
    first_iteration: int
    iteration: int
    perturb: str
    guard_malloc: bool
    hang_after: float
    python: str
    soak: str = ""
    digest: str = ""
    commit: str = ""
    env: dict[str, str] = field(default_factory=dict)
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """One measurement of how often the reproducer brings the finding back."""

    t: float
    hits: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A deduplicated problem. ``count`` counts its occurrences, ``runs`` those of the last runs, each.

    ``broken_as`` counts, for a guarantee, which of its promises was broken. ``schedule`` is the latest
    reproducer with a token: it is exact, where the ``reproducer`` is a chance. Of a problem that only
    schedules have shown, both are the same.
    """

    id: str
    kind: Kind
    title: str
    detail: str
    parts: tuple[str, ...]
    frames: tuple[Frame, ...]
    signal: int
    tainted: bool
    shutdown: bool
    first_seen: float
    last_seen: float
    count: int
    runs: dict[str, int]
    reproducer: Reproducer
    reproductions: tuple[Reproduction, ...] = ()
    broken_as: dict[str, int] = field(default_factory=dict)
    schedule: Reproducer | None = None


def exact(finding: Finding) -> Reproducer:
    """What brings it back surely, where anything does; else what may."""
    return finding.schedule or finding.reproducer


def reproducer_of(sighted: Sighted, context: FindingContext) -> Reproducer:
    """What brings this sighting back."""
    return Reproducer(
        scenario_file=context.scenario_file,
        scenario=context.scenario,
        target=context.target,
        seed=context.seed,
        first_iteration=sighted.first_iteration,
        iteration=sighted.iteration,
        perturb=context.perturb,
        guard_malloc=context.guard_malloc,
        hang_after=context.hang_after,
        python=context.python,
        soak=context.environment.get("soak", ""),
        digest=context.digest,
        commit=context.environment.get("git", ""),
        env={name: context.environment[name] for name in TELLING_VARIABLES if context.environment.get(name)},
        token=context.token,
    )
