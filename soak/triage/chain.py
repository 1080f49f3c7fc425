"""What was run before a finding's iteration, link by link, and tries after any part of it in one process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from soak.events import Before
from soak.supervisor.plan import Entry, Plan
from soak.triage.bench import Bench, Count

_SHORTEST_RUN_S = 1.0


class Link(NamedTuple):
    """One iteration of a scenario."""

    scenario: str
    iteration: int


class Chains:
    """Tries of the finding's ``entry`` after chains of links, whose scenarios are in ``entries`` by name.

    ``plan`` is what brings the finding back.
    """

    def __init__(
        self, bench: Bench, entry: Entry, plan: Plan, entries: Mapping[str, Entry], target: str
    ) -> None:
        self._bench = bench
        self._entries = {**entries, entry.name: entry}
        self._target = target
        all_of_them = self._entries.values()
        # One process is prepared for all of them: its environment, its way of starting, its patience.
        env = {name: value for each in all_of_them for name, value in each.env.items()}
        entry = dataclasses.replace(entry, env=env | entry.env, fresh=any(each.fresh for each in all_of_them))
        patience = max([plan.hang_after, *(each.hang_after or 0.0 for each in all_of_them)])
        self._plan = dataclasses.replace(plan, entries=(entry,), hang_after=patience, span=1)

    def count(
        self,
        chain: Sequence[Link],
        iteration: int,
        *,
        tries: int,
        seconds: float,
        enough: Callable[[Count], bool] = lambda _count: False,
    ) -> Count:
        """How often ``iteration`` has the finding after ``chain``; of at most so many tries and seconds.

        Raises:
            Interrupted, BenchError: as :meth:`~soak.triage.bench.Bench.count`.
        """
        plan = dataclasses.replace(
            self._plan,
            first_iteration=iteration,
            count=tries,
            minutes=max(_SHORTEST_RUN_S, seconds) / 60,
            before=self._before(chain),
        )
        return self._bench.count(plan, enough)

    def _before(self, chain: Sequence[Link]) -> tuple[Before, ...]:
        return tuple(
            Before(
                scenario_file=str(self._entries[name].file),
                scenario=name,
                target=self._target,
                iterations=tuple(link.iteration for link in links),
            )
            for name, links in groupby(chain, key=lambda link: link.scenario)
        )


def say_chain(chain: Sequence[Link], own: str) -> str:
    """``start_stop (iterations 0–2), its own iterations 4 and 6``."""
    return ", ".join(
        _say_links("its own" if name == own else name, [link.iteration for link in links], name == own)
        for name, links in groupby(chain, key=lambda link: link.scenario)
    )


def _say_links(name: str, iterations: list[int], own: bool) -> str:
    noun = f"iteration{'s' * (len(iterations) > 1)} {say_numbers(iterations)}"
    return f"{name} {noun}" if own else f"{name} ({noun})"


def say_numbers(numbers: Iterable[int]) -> str:
    """``4``, ``0–2``, ``0, 3–5 and 9``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [_say_run(run) for run in runs]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _say_run(run: list[int]) -> str:
    if len(run) == 2:
        return f"{run[0]}, {run[1]}"
    return f"{run[0]}–{run[-1]}" if len(run) > 2 else str(run[0])
