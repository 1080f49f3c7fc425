"""Where the choices of a finding's tries come from: its own iterations, and further ones of its seed."""

from __future__ import annotations

from collections.abc import Sequence

from soak.events import Kind
from soak.findings.finding import Finding
from soak.findings.occurrence import Occurrence

#: A seed and an iteration: what decides all choices.
Choice = tuple[int, int]

_FRESH = 4096


def own_choices(finding: Finding, occurrences: Sequence[Occurrence]) -> tuple[Choice, ...]:
    """The choices with which the finding came, the latest first, without repetition.

    A leak is one of its worker's iterations together, so these begin where its worker began.
    """
    known = finding.reproducer
    leak = finding.kind is Kind.LEAK
    choices = [(known.seed, known.first_iteration if leak else known.iteration)]
    for each in reversed(occurrences):
        if (each.context.scenario_file, each.context.target) == (known.scenario_file, known.target):
            sighted = each.sighted
            choices.append((each.context.seed, sighted.first_iteration if leak else sighted.iteration))
    return tuple(dict.fromkeys(choices))


def fresh_choices(own: Sequence[Choice], span: int) -> tuple[Choice, ...]:
    """Choices that nobody has tried: the seed's next iterations, ``span`` for each try."""
    seed = own[0][0]
    first = max(iteration for own_seed, iteration in own if own_seed == seed) + 1
    return tuple((seed, first + number * span) for number in range(_FRESH))
