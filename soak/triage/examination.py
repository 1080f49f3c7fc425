"""Whether a finding needs what was run before it: its iteration alone, in order, after its predecessor only.

What comes more often after something than alone, beyond what chance does (Fisher's exact test), had state
from it; delta debugging then finds the shortest chain that will do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from soak.findings.statistics import fisher_more
from soak.triage.chain import Chains, Link, say_chain
from soak.triage.ddmin import ddmin
from soak.triage.sprt import Judgement, usable
from soak.triage.transfer import Transfer, Trial

#: What chance does less often than this is not put down to chance.
CONVINCING = 0.01


class Examination:
    """Asks the questions in their order. ``left(share)`` says how many seconds are left of that share."""

    def __init__(
        self,
        scenario: str,
        chains: Chains,
        *,
        tries: int,
        left: Callable[[float], float],
        tell: Callable[[str], None],
    ) -> None:
        self._scenario = scenario
        self._chains = chains
        self._tries = tries
        self._left = left
        self._tell = tell

    def examine(self, iteration: int, own: Sequence[Link], others: Sequence[Link]) -> Transfer:
        """Try ``iteration`` alone, after its ``own`` earlier ones, and after ``others`` and them.

        Where it mostly comes sooner, it is that iteration which is asked about, once.

        Raises:
            Interrupted, BenchError: as :meth:`~soak.triage.bench.Bench.count`.
        """
        alone = self._try((), iteration, None, 0.2)
        if not self._could_be_more(alone):
            return self._found(alone, [], None)
        orders = [tuple(own), (*others, *own)] if others else [tuple(own)]
        trials: list[Trial] = []
        for order, share in zip([order for order in orders if order], (0.4, 0.6), strict=False):
            trial = self._try(order, iteration, alone, share)
            if trial.count.sooner > trial.count.tries and len(own) == len(order):
                sooner = [link for link in own if link.iteration < trial.count.sooner_at]
                self._tell(f"it comes sooner, in iteration {trial.count.sooner_at}: that one, then")
                return self._examine_sooner(trial.count.sooner_at, sooner)
            trials.append(trial)
            if _convinces(trial):
                break
        return self._narrow(alone, trials)

    def _examine_sooner(self, iteration: int, own: Sequence[Link]) -> Transfer:
        alone = self._try((), iteration, None, 0.5)
        trials = [self._try(tuple(own), iteration, alone, 0.7)] if own and self._could_be_more(alone) else []
        return self._narrow(alone, trials)

    def _narrow(self, alone: Trial, trials: list[Trial]) -> Transfer:
        convincing = next((trial for trial in trials if _convinces(trial)), None)
        order = convincing or next(reversed(trials), None)
        if order is not None and len(order.chain) > 1:
            trials.append(self._try(order.chain[-1:], alone.iteration, alone, 0.75))
        if convincing is None:
            return self._found(alone, trials, None)
        if _convinces(trials[-1]) and len(trials[-1].chain) == 1:
            return self._found(alone, trials, trials[-1])
        return self._found(alone, trials, self._shortest(alone, convincing))

    def _shortest(self, alone: Trial, order: Trial) -> Trial:
        """The shortest chain, measured anew; the whole order where nothing shorter was believed."""
        test = usable(order.count.rate, alone.count.rate)
        known = {order.chain[-1:]: False}  # the predecessor only, which did not convince

        def holds(chain: tuple[Link, ...]) -> bool:
            left = self._left(0.9)
            if not chain or left <= 0:
                return False  # alone is known; and without time nothing more is believed
            if chain in known:
                return known[chain]
            count = self._chains.count(
                chain,
                alone.iteration,
                tries=test.limit,
                seconds=left,
                enough=lambda count: test.has_decided(count.hits, count.tries),
            )
            judgement = test.judge(count.hits, count.tries)
            self._tell(
                f"after {say_chain(chain, self._scenario)}: {count.hits}/{count.tries}, {judgement.value}"
            )
            known[chain] = judgement is Judgement.ACCEPT
            return known[chain]

        chain = ddmin(order.chain, holds)
        if chain == order.chain:
            return order
        measured = self._try(chain, alone.iteration, alone, 1.0)
        return measured if _convinces(measured) else order

    def _try(self, chain: tuple[Link, ...], iteration: int, alone: Trial | None, share: float) -> Trial:
        count = self._chains.count(
            chain,
            iteration,
            tries=self._tries,
            seconds=self._left(share),
        )
        p_value = None
        if alone is not None:
            p_value = fisher_more(count.hits, count.tries, alone.count.hits, alone.count.tries)
        trial = Trial(chain=chain, iteration=iteration, count=count, p_value=p_value)
        what = f"after {say_chain(chain, self._scenario)}" if chain else f"iteration {iteration} alone"
        self._tell(f"{what}: {count.hits}/{count.tries}")
        return trial

    def _could_be_more(self, alone: Trial) -> bool:
        """Whether any count could be more than alone beyond chance."""
        count = alone.count
        return fisher_more(self._tries, self._tries, count.hits, count.tries) < CONVINCING

    def _found(self, alone: Trial, trials: Sequence[Trial], shortest: Trial | None) -> Transfer:
        return Transfer(
            scenario=self._scenario,
            alone=alone,
            trials=tuple(trials),
            shortest=shortest,
            complete=self._left(0.9) > 0,
        )


def _convinces(trial: Trial) -> bool:
    return trial.p_value is not None and trial.p_value < CONVINCING
