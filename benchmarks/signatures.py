"""Names that hold: many occurrences of each canary, and how many signatures they have.

A canary is one root cause. Its occurrences should have one signature, or two for a reason; another canary's
never. Where a race breaks several guarantees, they are several findings: what counts then is whether they are
offered as probably the same. What coarser names cost is counted too: the pairs of canaries that would have
one in common if all were defects of one target, with guarantees and without.
"""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from benchmarks.occurrences import Seen, collect, occurrences
from benchmarks.row import Bench, Row, row
from soak.canaries.canary import Canary
from soak.canaries.catalogue import CANARIES
from soak.events import Kind, Sighted
from soak.findings.likeness import ALIKE, Face, families, places_of, probably_same, stacks_alike
from soak.findings.signature import Signature, signature, target_in

WANTED = 50
#: Seconds for one canary, and for one that first has to wait; what is slower still has fewer occurrences, and
#: its row says how many.
SECONDS, SLOW_SECONDS, LONG_SECONDS = 20.0, 60.0, 1500.0
#: Runs at once on each processor: most canaries wait most of their time.
_AT_ONCE = 2
_SLOW = frozenset({Kind.HANG, Kind.LEAK, Kind.STARVATION})
_MOST_SIGNATURES = 2


@dataclass(frozen=True, kw_only=True)
class Sightings:
    """What one canary's run sighted."""

    canary: Canary
    seen: tuple[Seen, ...]

    @cached_property
    def names(self) -> dict[str, Signature]:
        """Its signatures, the most frequent first."""
        found = [signature(each.sighted) for each in self.seen]
        count = {name.id: sum(other.id == name.id for other in found) for name in found}
        return {name.id: name for name in sorted(found, key=lambda each: (-count[each.id], each.id))}

    @cached_property
    def faces(self) -> list[Face]:
        """Its findings, as they are compared with one another."""
        return [
            _face(name, [each for each in self.seen if signature(each.sighted).id == name.id])
            for name in self.names.values()
        ]


def measure(bench: Bench) -> list[Row]:
    """Runs for each canary; those that take longest begin."""
    canaries = sorted(CANARIES, key=lambda each: -(Kind.LEAK in each.expect) - bool(_SLOW & {*each.expect}))
    crew = ProcessPoolExecutor(
        _AT_ONCE * len(os.sched_getaffinity(0)),
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    )
    with crew:
        collected = list(crew.map(partial(_collect, folder=bench.folder, long=bench.long), canaries))
    of = dict(zip(canaries, collected, strict=True))
    runs = [Sightings(canary=canary, seen=of[canary][0]) for canary in CANARIES if of[canary][0]]
    return rows_of(runs, [canary.name for canary in CANARIES if of[canary][1]])


def _collect(canary: Canary, *, folder: Path, long: bool) -> tuple[tuple[Seen, ...], str]:
    seconds = LONG_SECONDS if long else SLOW_SECONDS if _SLOW & {*canary.expect} else SECONDS
    return collect(canary, WANTED, folder / canary.name, seconds=seconds)


def rows_of(runs: Sequence[Sightings], skipped: Sequence[str]) -> list[Row]:
    """What the runs came to; ``skipped`` are canaries that this machine cannot run."""
    unseen = {canary.name for canary in CANARIES} - {run.canary.name for run in runs} - set(skipped)
    return [
        *(_row(run) for run in runs),
        _reached(runs, skipped, unseen),
        _families(runs),
        _shared(runs),
        _would_share(runs),
        *_likeness(runs),
    ]


def _face(name: Signature, seen: Sequence[Seen]) -> Face:
    return Face(
        finding=name.id,
        kind=seen[0].sighted.kind,
        target=target_in(name.parts),
        places=places_of(seen[0].sighted.frames),
        moments=frozenset(each.moment for each in seen),
    )


def _row(run: Sightings) -> Row:
    count = len(run.names)
    note = "" if count == 1 else f"{_kinds(run)}; {len(families(run.faces))} by what is probably the same"
    return Row(
        what=f"signatures of {run.canary.name}",
        low=count,
        median=count,
        high=count,
        runs=occurrences(run.seen),
        unit="",
        target="1, or 2",
        ok=count <= _MOST_SIGNATURES,
        note=note,
    )


def _kinds(run: Sightings) -> str:
    """``3 violation, 1 error``: of which kinds the signatures are."""
    kinds = [Kind(name.partition("-")[0]) for name in run.names]
    return ", ".join(f"{kinds.count(kind)} {kind.value}" for kind in Kind if kind in kinds)


def _reached(runs: Sequence[Sightings], skipped: Sequence[str], unseen: Iterable[str]) -> Row:
    counts = [len(run.names) for run in runs]
    left_out = f"; cannot run here: {', '.join(skipped)}" if skipped else ""
    late = f"; sighted nothing in time: {', '.join(sorted(unseen))}" if unseen else ""
    return row(
        "canaries with one signature",
        [100 * sum(count == 1 for count in counts) / len(counts)],
        "%",
        note=f"{counts.count(1)} of {len(counts)}, {counts.count(2)} with two, "
        f"{sum(count > _MOST_SIGNATURES for count in counts)} with more{left_out}{late}",
    )


def _families(runs: Sequence[Sightings]) -> Row:
    counts = [len(families(run.faces)) for run in runs]
    return row(
        "canaries that are one, by what is probably the same",
        [100 * sum(count == 1 for count in counts) / len(counts)],
        "%",
        note=f"{counts.count(1)} of {len(counts)}",
    )


def _shared(runs: Sequence[Sightings]) -> Row:
    shared = [
        f"{one.canary.name} and {other.canary.name}"
        for one, other in itertools.combinations(runs, 2)
        if one.names.keys() & other.names.keys()
    ]
    return row(
        "pairs of canaries that share a signature",
        [len(shared)],
        "",
        target="0",
        ok=not shared,
        note=", ".join(shared) or f"{len(runs)} canaries, so {len(runs) * (len(runs) - 1) // 2} pairs",
    )


def _would_share(runs: Sequence[Sightings]) -> Row:
    sighted = [[each.sighted for each in run.seen] for run in runs]
    by_guarantee = [{_bare(each) for each in run} for run in sighted]
    by_promise = [{_bare(dataclasses.replace(each, guarantee="")) for each in run} for run in sighted]
    return row(
        "pairs of canaries that would share one, were they one target",
        [_pairs(by_guarantee)],
        "",
        note=f"{_pairs(by_promise)} if each promise were a finding of its own",
    )


def _bare(sighted: Sighted) -> str:
    return signature(dataclasses.replace(sighted, target="")).id


def _pairs(names: Sequence[set[str]]) -> int:
    return sum(bool(one & other) for one, other in itertools.combinations(names, 2))


def _likeness(runs: Sequence[Sightings]) -> list[Row]:
    same = [pair for run in runs for pair in itertools.combinations(run.faces, 2)]
    different = [
        (one, other)
        for first, second in itertools.combinations(runs, 2)
        for one in first.faces
        for other in second.faces
        if _core(first, one) != _core(second, other)
    ]
    return [
        _offered("of one canary: stacks alike", same, [stacks_alike(a, b) >= ALIKE for a, b in same]),
        _offered("of one canary: probably the same", same, [bool(probably_same(a, [b])) for a, b in same]),
        _offered(
            "of different canaries: stacks alike",
            different,
            [stacks_alike(a, b) >= ALIKE for a, b in different],
            note="as if all had one target, but for those that break one promise",
        ),
    ]


def _core(run: Sightings, face: Face) -> tuple[str, ...]:
    """What a signature is made of besides its target."""
    return tuple(part for part in run.names[face.finding].parts if not part.startswith("target "))


def _offered(
    what: str, pairs: Sequence[tuple[Face, Face]], offered: Sequence[bool], *, note: str = ""
) -> Row:
    share = 100 * sum(offered) / max(1, len(pairs))
    count = f"{sum(offered)} of {len(pairs)}"
    return row(f"pairs of signatures {what}", [share], "%", note=f"{count}; {note}" if note else count)
