"""One finding over the nights, and the tests that tell whether it became worse or is gone.

Nights are pooled: one is too short to tell 5 in 360 from none (Fisher's p = 0.03), a week is not. Where
iterations are counted, Fisher's exact test compares; where only time is, the conditional Poisson test.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from soak.findings.standing import Judged, Standing
from soak.findings.statistics import fisher_fewer, fisher_more, poisson_fewer, poisson_more
from soak.findings.trials import Place, Seen, Tally, Trials, added, pooled

#: A finding is worse, or gone, where chance alone would bring that about less often than this. One in a
#: hundred: who looks every night at ten findings compares thousands of times.
LEVEL = 0.01


class Course:
    """A finding since it was new, became worse, or came back. Give it the nights, oldest first."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._new = True
        self._gone = False
        self._nights = 0
        self._quiet_nights = 0
        self._before: dict[Place, Tally] = {}
        self._quiet: dict[Place, Tally] = {}

    def take(self, night: Trials) -> Judged | None:
        """One more night; None where it says nothing of this finding."""
        came = self._seen.finding in night.seen
        self._seen = night.seen.get(self._seen.finding, self._seen)
        places = {*night.efforts, *self._seen.hits, *self._before}
        now = {place: night.tally(self._seen.finding, place) for place in places}
        return self._came(now) if came else self._stayed_away(now)

    def _came(self, now: Mapping[Place, Tally]) -> Judged:
        """A finding that had been gone and is back is compared with the nights of its absence."""
        here = [place for place, hits in self._seen.hits.items() if hits]
        before = self._quiet if self._gone else added(self._before, self._quiet)
        nights = self._quiet_nights + (0 if self._gone else self._nights)
        p = None if self._new else self._chance_of_more(now, before, here)
        if self._new:
            standing = Standing.NEW
        elif self._gone or (p is not None and p < LEVEL):
            standing = Standing.WORSE
        else:
            standing = Standing.KNOWN
        self._quiet = {}
        judged = self._judged(standing, here, now, before, nights, p)
        changed = standing is not Standing.KNOWN
        self._before = added(now) if changed else added(before, now)
        self._nights, self._quiet_nights = 1 if changed else nights + 1, 0
        self._new = self._gone = False
        return judged

    def _stayed_away(self, now: Mapping[Place, Tally]) -> Judged | None:
        ever = [place for place, tally in self._before.items() if tally.hits]
        if not any(self._tried(now, place) for place in ever):
            return None
        self._quiet = added(self._quiet, now)
        self._quiet_nights += 1
        if self._gone:
            return None
        here = [place for place in ever if self._tried(self._quiet, place)]
        p = math.prod(self._fewer(self._quiet[place], self._before[place]) for place in here)
        standing = Standing.GONE if p < LEVEL else Standing.UNSEEN
        judged = self._judged(standing, here, now, self._before, self._nights, p)
        self._gone = standing is Standing.GONE
        return judged

    def _chance_of_more(
        self, now: Mapping[Place, Tally], before: Mapping[Place, Tally], here: Iterable[Place]
    ) -> float | None:
        """From the place where it tells most; any of them may do so by chance (Bonferroni)."""
        chances = [self._more(now[place], before[place]) for place in here if self._tried(before, place)]
        return min(1.0, min(chances) * len(chances)) if chances else None

    def _tried(self, tallies: Mapping[Place, Tally], place: Place) -> bool:
        tally = tallies.get(place, Tally())
        return tally.seconds > 0 if self._seen.timed else tally.tries > 0

    def _more(self, now: Tally, before: Tally) -> float:
        if self._seen.timed:
            return poisson_more(now.hits, now.seconds, before.hits, before.seconds)
        return fisher_more(now.hits, now.tries, before.hits, before.tries)

    def _fewer(self, now: Tally, before: Tally) -> float:
        if self._seen.timed:
            return poisson_fewer(now.hits, now.seconds, before.hits, before.seconds)
        return fisher_fewer(now.hits, now.tries, before.hits, before.tries)

    def _judged(
        self,
        standing: Standing,
        here: Sequence[Place],
        now: Mapping[Place, Tally],
        before: Mapping[Place, Tally],
        nights: int,
        p: float | None,
    ) -> Judged:
        over = [
            pooled(tallies.get(place, Tally()) for place in here) for tallies in (now, before, self._quiet)
        ]
        return Judged(
            finding=self._seen.finding,
            kind=self._seen.kind,
            title=self._seen.title,
            standing=standing,
            places=tuple(here),
            now=over[0],
            before=over[1],
            quiet=over[2],
            nights=nights,
            p=p,
            timed=self._seen.timed,
            returned=self._gone,
        )
