"""Files a run's sightings in the store, with all that brings them back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from soak.events import Evidence, Kept, Sighted
from soak.files import digest
from soak.findings.finding import FindingContext, reproducer_of
from soak.findings.recipe import anywhere
from soak.findings.store import Store
from soak.supervisor.plan import Entry, Plan

#: Evidence that comes later than so many sightings has nobody to go to: a run of days must not grow.
_SIGHTINGS_OPEN = 1000


def context_of(
    run: str,
    plan: Plan,
    entry: Entry,
    environment: Mapping[str, str],
    *,
    digest: str = "",
    token: str = "",
) -> FindingContext:
    """What brings a sighting of ``entry`` in this run back; ``digest`` is its file's as the run began, and
    ``token`` its schedule's, if it has one."""
    return FindingContext(
        run=run,
        scenario_file=str(entry.file),
        scenario=entry.name,
        target=plan.target,
        seed=plan.seed,
        perturb=plan.perturb,
        guard_malloc=plan.guard_malloc,
        hang_after=plan.hang_limit(entry),
        python=plan.python,
        environment=dict(environment),
        digest=digest,
        token=token,
    )


class StoreKeeper:
    """A run's :class:`~soak.supervisor.run.Keeper`: knows the run's plan and folder, and asks the store.

    ``token`` is the schedule that shows what is filed, where schedules are explored.
    """

    def __init__(self, store: Store, plan: Plan, folder: Path, environment: Mapping[str, str]) -> None:
        self.token = ""
        self._store = store
        self._plan = plan
        self._folder = folder
        self._environment = dict(environment)
        self._entries = {entry.name: entry for entry in plan.entries}
        self._digests = {entry.name: digest(entry.file) for entry in plan.entries}
        self._cwd = Path.cwd()  # asked for once: somebody may remove it
        self._kept: dict[int, Kept] = {}

    def keep(self, sighted: Sighted) -> Kept:
        """File one sighting.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        entry = self._entries[sighted.scenario]
        context = context_of(
            self._folder.name,
            self._plan,
            entry,
            self._environment,
            digest=self._digests[entry.name],
            token=self.token,
        )
        kept = self._store.file(sighted, self._folder, context)
        line = anywhere(kept.finding, sighted.kind, reproducer_of(sighted, context), self._cwd)
        kept = self._kept[sighted.sighting] = dataclasses.replace(kept, anywhere=line)
        self._kept.pop(sighted.sighting - _SIGHTINGS_OPEN, None)
        return kept

    def add(self, evidence: Evidence) -> None:
        """Add a file that came later, or the reason why there is none.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        kept = self._kept.get(evidence.sighting)
        if kept is None:
            return
        if evidence.path:
            self._store.add_evidence(kept, self._folder / evidence.path, evidence.name)
        else:
            self._store.explain_missing(kept, evidence.name, evidence.problem)

    def know(self, facts: Mapping[str, str]) -> None:
        """More of the environment, for what is filed from now on."""
        self._environment |= facts
