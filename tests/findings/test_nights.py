"""From the memory to the trials that are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from soak.events import Kind, Verdict
from soak.findings.memory import (
    Acceptance,
    FindingRecord,
    FindingRun,
    Night,
    OccurrenceRecord,
    RunRecord,
    ScenarioRecord,
)
from soak.findings.nights import gone_by_now, target_of, told
from soak.findings.standing import Standing
from soak.findings.trials import Place

CRASH, LEAK = "crash-11111111", "leak-22222222"


@dataclass(frozen=True)
class Remembered:
    """A memory of some nights."""

    those: tuple[Night, ...]
    records: tuple[FindingRecord, ...]
    seen: tuple[OccurrenceRecord, ...] = ()
    silent: tuple[Acceptance, ...] = ()

    def nights(self) -> tuple[Night, ...]:
        return self.those

    def findings(self) -> tuple[FindingRecord, ...]:
        return self.records

    def occurrences(self, finding: str) -> tuple[OccurrenceRecord, ...]:
        return tuple(one for one in self.seen if one.finding == finding)

    def acceptances(self) -> tuple[Acceptance, ...]:
        return self.silent


def record(name: str, *parts: str) -> FindingRecord:
    kind = Kind(name.split("-")[0])
    return FindingRecord(
        id=name,
        kind=kind,
        title=f"{name} happened",
        detail="",
        parts=(kind.value, *parts),
        first_seen=0.0,
        last_seen=0.0,
        first_run="",
        last_run="",
        sightings=1,
    )


def night(number: int, hits: dict[str, tuple[int, tuple[str, ...]]], *words: str) -> Night:
    """A night of the scenarios storm and swap, 100 iterations each."""
    run = RunRecord(
        id=number,
        name=f"night-{number}",
        command="run",
        argv=("run", *words),
        seed=7,
        started=number * 86400.0,
        seconds=1000.0,
        minutes=None,
        count=100,
        jobs=2,
        verdict=Verdict.FINDINGS,
        reason="",
        broken_lines=0,
    )
    return Night(
        run=run,
        scenarios=tuple(
            ScenarioRecord(
                scenario=name,
                iterations=100,
                tries=100,
                operations=500,
                accepted=0,
                refused=0,
                seconds=500.0,
                sometimes={},
                unproven=(),
            )
            for name in ("storm", "swap")
        ),
        findings=tuple(
            FindingRun(finding=name, run=run, scenarios=scenarios, tries=100, hits=count, sightings=count + 1)
            for name, (count, scenarios) in hits.items()
        ),
    )


def test_nights_are_judged_in_order() -> None:
    """Each by those before it, with its own record beside."""
    memory = Remembered(
        (night(1, {CRASH: (20, ("storm",))}), night(2, {}), night(3, {CRASH: (1, ("storm",))})),
        (record(CRASH),),
    )
    said = told(memory)
    assert [each.night.run.name for each in said] == ["night-1", "night-2", "night-3"]
    assert [each.morning.headline() for each in said] == ["1 NEW", "1 GONE", "1 WORSE"]
    assert gone_by_now(said[:2]) == {CRASH}
    assert gone_by_now(said) == set()
    (judged,) = said[1].morning.judged
    assert (judged.quiet.tries, judged.before.hits, judged.now.seconds) == (100, 20, 500.0)


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (("run", "storm", "--target", "glue:Glue", "-m", "1"), "glue:Glue"),
        (("run", "--target=glue:Glue"), "glue:Glue"),
        (("run", "storm"), ""),
        (("run", "--target"), ""),
    ],
)
def test_the_target_is_on_the_command_line(words: tuple[str, ...], target: str) -> None:
    """Both ways to write it."""
    assert target_of(words) == target


def test_other_targets_are_other_places() -> None:
    """A finding of one target is neither gone nor unseen on another."""
    memory = Remembered(
        (night(1, {CRASH: (20, ("storm",))}), night(2, {}, "--target", "glue:Glue")), (record(CRASH),)
    )
    assert told(memory)[1].morning.judged == ()


def test_a_finding_of_several_scenarios_is_split_by_its_occurrences() -> None:
    """Iterations count once, however often something was sighted in them."""
    seen = OccurrenceRecord(
        finding=CRASH, run="night-1", sighting=1, scenario="storm", worker=1, iteration=4, t=1.0, path=""
    )
    swaps = [replace(seen, sighting=number, scenario="swap", iteration=number) for number in (2, 3)]
    memory = Remembered(
        (night(1, {CRASH: (3, ("storm", "swap"))}),),
        (record(CRASH),),
        (seen, replace(seen, sighting=9), *swaps),
    )
    night_1 = told(memory)[0].morning.night
    assert night_1.seen[CRASH].hits == {Place(scenario="storm"): 1, Place(scenario="swap"): 2}


@pytest.mark.parametrize(
    ("found", "timed"),
    [
        (record(CRASH), False),
        (record(LEAK, "thread"), False),
        (record(LEAK, "memory", "scenario storm"), True),
        (record("infra-3", "memory"), True),
        (record("harness-4"), True),
    ],
)
def test_what_has_no_rate_per_iteration(found: FindingRecord, timed: bool) -> None:
    """Growing memory, and the faults of soak and of the machine."""
    memory = Remembered((night(1, {found.id: (2, ("storm",))}),), (found,))
    assert told(memory)[0].morning.night.seen[found.id].timed is timed


def test_accepted_findings_are_silent() -> None:
    """As the memory has it."""
    acceptance = Acceptance(finding=CRASH, because="upstream", when=1.5 * 86400)
    nights = (night(1, {CRASH: (2, ("storm",))}), night(2, {CRASH: (2, ("storm",))}))
    memory = Remembered(nights, (record(CRASH),), silent=(acceptance,))
    (judged,) = told(memory)[1].morning.judged
    assert (judged.standing, judged.accepted) == (Standing.KNOWN, acceptance)
