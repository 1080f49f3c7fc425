"""Narrow a scenario to what a finding needs: fewer operations, threads and nemeses, less time.

Standard library only: this module travels into the user's own environment (``--python``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from soak import catalogue
from soak.author import Nemesis, Operation, Scenario, ScenarioBuilder

_Named = TypeVar("_Named", Operation, Nemesis)


def _load_nothing(path: str, name: str) -> Scenario:
    raise RuntimeError(
        f"{path}::{name} is read where soak reads scenario files: run this one with `soak run`"
    )


_load: Callable[[str, str], Scenario] = _load_nothing


def set_loader(load: Callable[[str, str], Scenario]) -> None:
    """Read scenario files, by path and name, with ``load`` from now on. The worker's side calls it."""
    global _load
    _load = load


def narrowed(
    scenario: str | ScenarioBuilder | Scenario,
    *,
    beside: str = "",
    operations: Iterable[str] | None = None,
    threads: Mapping[str, int] | None = None,
    pool: int | None = None,
    nemeses: Iterable[str] | None = None,
    seconds: float | None = None,
    rounds: int | None = None,
    target: str | None = None,
) -> Scenario:
    """A scenario of the same name, narrowed: what ``soak shrink`` writes, and what one may write by hand.

    What is not named stays as it is. It keeps its name, so that its findings keep theirs. Its `sometimes` are
    waived: it is there to bring a finding back, and proves nothing when it does not.

    Args:
        scenario: the scenario, or where it is: a built-in one's name, or a file's path, with ``::NAME`` where
            the file has several.
        beside: the path is relative to this file's folder; give ``__file__``.
        operations: the names of the operations that stay.
        threads: by an operation's name, how many threads (or processes) of its own it has.
        pool: how many threads run the operations that have none of their own.
        nemeses: the names of the nemeses that stay.
        seconds: how long an iteration's operations run.
        rounds: calls per thread that end an iteration's operations.
        target: the target's import string, with arguments as in ``module:attribute?scene=one_arm``.

    Raises:
        ValueError: a name that the scenario does not have, or a number below 1.
        FileNotFoundError: there is no such file.
    """
    whole = _frozen(scenario, beside)
    kept = _kept(whole.name, "operation", whole.operations, operations)
    troubles = _kept(whole.name, "nemesis", whole.nemeses, nemeses)
    counts = dict(threads or {})
    _know(whole.name, "operation", (each.name for each in kept), counts)
    for word, number in (*counts.items(), ("pool", pool), ("rounds", rounds)):
        if number is not None and number < 1:
            raise ValueError(
                f"{whole.name}: expected at least 1 for {word}, got {number}; leave it out instead"
            )
    return dataclasses.replace(
        whole,
        operations=tuple(_with(operation, counts.get(operation.name)) for operation in kept),
        threads=whole.threads if pool is None else pool,
        nemeses=troubles,
        seconds=whole.seconds if seconds is None else seconds,
        rounds=whole.rounds if rounds is None else rounds,
        target=whole.target if target is None else target,
        waived=frozenset(whole.sometimes),
    )


def _frozen(scenario: str | ScenarioBuilder | Scenario, beside: str) -> Scenario:
    if isinstance(scenario, ScenarioBuilder):
        return scenario.freeze()
    return scenario if isinstance(scenario, Scenario) else _found(scenario, beside)


def _found(word: str, beside: str) -> Scenario:
    place, _, name = word.partition("::")
    if not catalogue.looks_like_path(place):
        built_in = catalogue.built_in_files()
        if place not in built_in:
            known = ", ".join(built_in)
            raise ValueError(f"expected the path of a file, or a built-in scenario of {known}; got {place!r}")
        return _load(str(built_in[place]), name)
    path = Path(beside).parent / place if beside else Path(place)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the file of the scenario that is narrowed; bring it back")
    return _load(str(path), name)


def _kept(
    scenario: str, what: str, have: tuple[_Named, ...], wanted: Iterable[str] | None
) -> tuple[_Named, ...]:
    """Those of ``have`` that are wanted, in their own order; all of them where nothing is said."""
    if wanted is None:
        return have
    names = set(wanted)
    _know(scenario, what, (each.name for each in have), names)
    return tuple(each for each in have if each.name in names)


def _know(scenario: str, what: str, have: Iterable[str], wanted: Iterable[str]) -> None:
    known = tuple(have)
    strange = sorted(set(wanted) - set(known))
    if strange:
        raise ValueError(
            f"{scenario} has no {what} {', '.join(map(repr, strange))}; it has {', '.join(known) or 'none'}"
        )


def _with(operation: Operation, count: int | None) -> Operation:
    """The operation with so many threads or processes of its own; one of the pool's has threads then."""
    if count is None:
        return operation
    if operation.processes is not None:
        return dataclasses.replace(operation, processes=count)
    return dataclasses.replace(operation, threads=count)
