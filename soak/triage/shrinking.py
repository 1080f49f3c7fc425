"""One `soak shrink`, from its first measurement to its last."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from soak.detect.words import signal_name
from soak.findings.finding import Finding
from soak.triage.bench import Count, Interrupted
from soak.triage.budget import Budget
from soak.triage.candidates import Candidates, Measured, Proof
from soak.triage.pool import Choice
from soak.triage.shape import Shape
from soak.triage.shrink import OutOfTime, Shrinker
from soak.triage.shrunk import Shrunk
from soak.triage.sprt import Judgement, Sprt, usable

#: A first measurement ends after so many hits, or so many tries.
FIRST_HITS, FIRST_TRIES = 6, 40
#: The last one has so many tries: an accepted candidate's own hits would flatter it.
LAST_TRIES = 20
#: Parts of the budget: where the first measurements end, each, and where the last one begins.
_OWN, _FRESH, _LAST = 0.2, 0.4, 0.85
#: Fresh choices are taken where they bring it back at this part of the rate of its own.
_AS_GOOD = 0.25


class Shrinking:
    """``publish`` is given every state that is better than the one before; ``tell`` says lines to people."""

    def __init__(
        self,
        finding: Finding,
        start: Shape,
        candidates: Candidates,
        budget: Budget,
        *,
        own: Sequence[Choice],
        fresh: Sequence[Choice],
        models: Callable[[str], Sequence[str]],
        publish: Callable[[Shrunk], None],
        tell: Callable[[str], None],
    ) -> None:
        self._finding = finding
        self._start = start
        self._candidates = candidates
        self._budget = budget
        self._own = own
        self._fresh = fresh
        self._models = models
        self._publish = publish
        self._tell = tell
        self._needs: Choice | None = None

    def work(self) -> Shrunk | Count:
        """Shrink; or the tries in which the finding did not come back. What was reached before a signal is
        returned too, with the reason in ``stopped``.

        Raises:
            Interrupted: by a signal before anything was reached.
            BenchError: no tries can be made.
        """
        before = self._measure_first()
        if not before.count.hits:
            return before.count
        test = usable(before.count.rate)
        proof = Proof(self._candidates, test, lambda: self._budget.left(_LAST), self._heard(before))
        shrinker = Shrinker(self._start, proof, self._models)
        stopped = ""
        try:
            try:
                shrinker.shrink(before.count.slowest)
            except OutOfTime:
                stopped = "the time is up: with more --minutes it might get smaller"
            return self._shrunk(before, self._measure_last(before, proof.accepted, test), stopped)
        except (Interrupted, KeyboardInterrupt) as interrupted:
            # Between two runs nobody listens to signals: Ctrl-C is what it is in any Python then.
            number = interrupted.number if isinstance(interrupted, Interrupted) else signal.SIGINT
            after = proof.accepted[-1] if proof.accepted else before
            return self._shrunk(before, after, f"interrupted by {signal_name(number)}", number)

    def _measure_first(self) -> Measured:
        """How often it comes as it is: with the choices that had it, and with fresh ones. These are taken
        where they do: a scenario that needs no seed is anybody's.
        """
        own = self._measure(self._own, _OWN)
        self._tell(f"with its own choices: {own.in_words()}")
        fresh = self._measure(self._fresh, _FRESH)
        self._tell(f"with fresh ones: {fresh.in_words()}")
        if fresh.hits and fresh.rate >= _AS_GOOD * own.rate:
            return Measured(shape=self._start, count=fresh)
        self._candidates.choose(self._own)
        if own.hits:
            self._needs = self._own[0]
        return Measured(shape=self._start, count=own if own.hits else fresh)

    def _measure(self, choices: Sequence[Choice], share: float) -> Count:
        self._candidates.choose(choices)
        left = self._budget.left(share)
        return self._candidates.measure(self._start, tries=FIRST_TRIES, seconds=left, hits=FIRST_HITS)

    def _heard(self, before: Measured) -> Callable[[Shape, Judgement, Count], None]:
        def heard(shape: Shape, judgement: Judgement, count: Count) -> None:
            if judgement is Judgement.ACCEPT:
                self._shrunk(before, Measured(shape=shape, count=count), "")
            self._tell(f"{_differs(shape, self._start)}: {count.hits}/{count.tries}, {judgement.value}")

        return heard

    def _measure_last(self, before: Measured, accepted: list[Measured], test: Sprt) -> Measured:
        """The smallest that was accepted and keeps its rate when it is measured anew."""
        while accepted:
            shape = accepted.pop().shape
            self._tell(f"{_differs(shape, self._start)}: measured once more")
            count = self._candidates.measure(shape, tries=LAST_TRIES, seconds=self._budget.left())
            measured = Measured(shape=shape, count=count)
            if test.judge(count.hits, count.tries) is not Judgement.REJECT:
                return measured
            self._tell(f"only {count.in_words()}: the one before it, then")
        return before

    def _shrunk(self, before: Measured, after: Measured, stopped: str, ended_by: int = 0) -> Shrunk:
        shrunk = Shrunk(
            finding=self._finding,
            before=before,
            after=after,
            own_choices=self._needs,
            stopped=stopped,
            signal=ended_by,
        )
        self._publish(shrunk)
        return shrunk


def _differs(shape: Shape, start: Shape) -> str:
    """What a candidate has, in a few words."""
    words = [
        f"{shape.workforce} thread{'s' * (shape.workforce != 1)}",
        f"{len(shape.operations)} of {len(start.operations)} operations",
    ]
    if start.nemeses:
        words.append(f"{len(shape.nemeses)} of {len(start.nemeses)} nemeses")
    if shape.rounds is not None:
        words.append(f"{shape.rounds} round{'s' * (shape.rounds != 1)}")
    if shape.target != start.target:
        words.append(shape.target)
    return ", ".join([*words, f"{shape.seconds:g} s", f"perturb {shape.perturb}"])
