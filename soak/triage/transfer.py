"""What a triage came to: the trials, and where the state comes from, in words and as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from soak.findings.statistics import wilson
from soak.triage.bench import Count
from soak.triage.chain import Link, say_chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came after one chain. ``p_value``: how likely so much more than alone is, were it no more."""

    chain: tuple[Link, ...]
    iteration: int
    count: Count
    p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What was tried, in this order, and the ``shortest`` chain that brings it; None where it needs none.

    ``complete`` is False where the time was up before all was asked.
    """

    scenario: str
    alone: Trial
    trials: tuple[Trial, ...]
    shortest: Trial | None
    complete: bool

    @property
    def came(self) -> bool:
        """Whether the finding came at all."""
        return any(trial.count.hits or trial.count.sooner for trial in (self.alone, *self.trials))

    def in_words(self) -> str:
        """``alone 0/20, after start_stop (iteration 0) 18/20 → state leaks from start_stop``, and trials."""
        lines = [self._headline(), ""]
        lines += [self._line(trial) for trial in (self.alone, *self.trials)]
        if self.shortest is not None:
            lines += ["", f"the shortest chain that was found: {self._say(self.shortest)}"]
        if not self.complete:
            lines += ["", "the time was up: with more --minutes it might be clearer"]
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """The same for machines."""
        shortest = self.shortest
        return {
            "scenario": self.scenario,
            "alone": _plain(self.alone),
            "trials": [_plain(trial) for trial in self.trials],
            "shortest": None if shortest is None else _plain(shortest),
            "leaks_from": []
            if shortest is None
            else list(dict.fromkeys(link.scenario for link in shortest.chain)),
            "complete": self.complete,
        }

    def _headline(self) -> str:
        alone = f"alone {_rate(self.alone.count)}"
        if self.shortest is not None:
            after = f"after {self._say(self.shortest)} {_rate(self.shortest.count)}"
            return f"{alone}, {after} → state leaks from {self._culprits(self.shortest)}"
        if not self.came:
            return f"{alone}, and after all that was before it neither: it was not brought back"
        most = max(self.trials, key=lambda trial: trial.count.rate, default=None)
        if most is None:
            return f"{alone} → it needs nothing before it"
        return (
            f"{alone}, after {self._say(most)} {_rate(most.count)} → no sign that it needs anything before it"
        )

    def _culprits(self, trial: Trial) -> str:
        names = list(dict.fromkeys(link.scenario for link in trial.chain))
        own = "its own earlier iterations" if len(trial.chain) > 1 else "its own earlier iteration"
        return ", ".join(own if name == self.scenario else name for name in names)

    def _say(self, trial: Trial) -> str:
        return say_chain(trial.chain, self.scenario)

    def _line(self, trial: Trial) -> str:
        count = trial.count
        words = f"after {self._say(trial)}" if trial.chain else f"iteration {trial.iteration} alone"
        line = f"{count.in_words()}  {words}"
        if trial.p_value is not None:
            line += f", p = {trial.p_value:.2g} (Fisher)"
        if count.sooner:
            line += f"; sooner {count.sooner}×, which does not count"
        return line + (f"; {count.lost}× something else ended it before" if count.lost else "")


def _rate(count: Count) -> str:
    return f"{count.hits}/{count.tries}"


def _plain(trial: Trial) -> dict[str, Any]:
    count = trial.count
    return {
        "after": [list(link) for link in trial.chain],
        "iteration": trial.iteration,
        "hits": count.hits,
        "tries": count.tries,
        "sooner": count.sooner,
        "lost": count.lost,
        "interval": list(wilson(count.hits, count.tries)),
        "p_value": trial.p_value,
    }
