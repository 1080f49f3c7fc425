"""Which scenarios can use a target, judged by the verbs that each side declares.

A target declares its verbs with ``soak_verbs(**arguments)``, a class or static method that returns, for each
verb that it knows of, "" where it has the verb, else what to do about it. A scenario names what it ``uses``.
What a target lacks is left out by name: a whole scenario, an operation, a `sometimes`.

Standard library only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from soak.author import Missing, Scenario

#: Where soak's own targets lie. A scenario that brings one, without saying what it uses, takes its like only.
_OWN = "soak.targets."
_NO_VERBS = "write a few lines of glue: README, 'Soak your own simulation'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An operation that was left out, and the verb that the target lacks for it."""

    operation: str
    verb: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A scenario as a target can be soaked by it; with ``skip``, not at all."""

    scenario: Scenario
    left: tuple[Left, ...] = ()
    skip: Missing | None = None
    other_kind: bool = False


def verbs_of(target: Any) -> Mapping[str, str] | None:
    """What ``target`` declares; None where that cannot be known: a function may make anything.

    A class that declares nothing has no verbs. One that is named with arguments is asked with them.
    """
    arguments: Mapping[str, Any] = {}
    if isinstance(target, functools.partial):
        target, arguments = target.func, target.keywords
    declared: Callable[..., Mapping[str, str]] | None = getattr(target, "soak_verbs", None)
    if declared is not None:
        return dict(declared(**arguments))
    return {} if isinstance(target, type) else None


def fit(scenario: Scenario, target: Any) -> Fit:
    """Leave out what ``target`` cannot do. Without a target, or with one that cannot be known, nothing."""
    verbs = None if target is None else verbs_of(target)
    if verbs is None:
        return Fit(scenario=scenario)
    if not scenario.uses:
        own = (scenario.target or "").startswith(_OWN)
        return _other_kind(scenario) if verbs and own else Fit(scenario=scenario)
    if verbs and not verbs.keys() & set(scenario.uses):
        return _other_kind(scenario)
    lacking = _lacking(scenario.uses, verbs)
    if lacking:
        return Fit(scenario=scenario, skip=_lacks(lacking, verbs))
    left = [
        Left(operation=operation.name, verb=verb, remedy=_remedy(verb, verbs))
        for operation in scenario.operations
        for verb in _lacking(operation.uses, verbs)[:1]
    ]
    gone = {each.operation for each in left}
    return Fit(
        scenario=replace(
            scenario,
            operations=tuple(each for each in scenario.operations if each.name not in gone),
            waived=frozenset(text for text, uses in scenario.marks_use.items() if _lacking(uses, verbs)),
        ),
        left=tuple(left),
    )


def _lacking(uses: Iterable[str], verbs: Mapping[str, str]) -> list[str]:
    return [verb for verb in uses if verbs.get(verb, _NO_VERBS)]


def _remedy(verb: str, verbs: Mapping[str, str]) -> str:
    return verbs.get(verb, _NO_VERBS)


def _lacks(lacking: list[str], verbs: Mapping[str, str]) -> Missing:
    remedies = dict.fromkeys(_remedy(verb, verbs) for verb in lacking)
    return Missing(reason=f"the target has no {', '.join(lacking)}", remedy="; ".join(remedies))


def _other_kind(scenario: Scenario) -> Fit:
    skip = Missing(
        reason=f"it soaks targets of another kind, like {scenario.target}",
        remedy="choose one that `soak show --target` lists, or say in the scenario what it uses",
    )
    return Fit(scenario=scenario, skip=skip, other_kind=True)
