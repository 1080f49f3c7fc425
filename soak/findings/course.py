"""One finding over the nights, and the tests that tell whether it became worse or is gone.

Nights are pooled: one is too short to tell 5 in 360 from none (Fisher's p = 0.03), a week is not. Where
iterations are counted, Fisher's exact test compares; where only time is, the conditional Poisson test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from soak.findings.ledger import Ledger, Tallies
from soak.findings.standing import Judged, Standing
from soak.findings.statistics import fisher_fewer, fisher_more, poisson_fewer, poisson_more
from soak.findings.trials import Place, Seen, Tally, Trials, added, pooled

#: A finding is worse, or gone, where chance alone would bring that about less often than this. One in a
#: hundred: who looks every night at ten findings compares thousands of times.
LEVEL = 0.01
#: What is compared with the nights before it: the last night, the last few, and many. A night that is hardly
#: worse may be chance; counted among the earlier ones for good, such nights would hide those that follow.
_RECENT = (1, 3, 7, 14, 28)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """The last ``count`` nights against the sum of ``nights`` others, and the chance of what came in them."""

    count: int
    recent: Tallies
    nights: int
    before: Tallies
    p: float | None


class Course:
    """A finding since it was new, became worse, or came back. Give it the nights, oldest first."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._new = True
        self._gone = False
        self._nights = Ledger()
        self._quiet = Ledger()

    def take(self, night: Trials) -> Judged | None:
        """One more night; None where it says nothing of this finding."""
        came = self._seen.finding in night.seen
        self._seen = night.seen.get(self._seen.finding, self._seen)
        places = {*night.efforts, *self._seen.hits}
        now = {place: night.tally(self._seen.finding, place) for place in places}
        return self._came(now) if came else self._stayed_away(now)

    def _came(self, now: Tallies) -> Judged:
        """A finding that had been gone and is back is compared with the nights of its absence."""
        here = [place for place, hits in self._seen.hits.items() if hits]
        nights = self._quiet if self._gone else self._nights
        nights.extend([now] if self._gone else [*self._quiet.nights, now])
        compared = self._compare(nights, here)
        if self._new:
            standing = Standing.NEW
        elif self._gone or (compared.p is not None and compared.p < LEVEL):
            standing = Standing.WORSE
        else:
            standing = Standing.KNOWN
            compared = replace(self._last(nights, 1, here), p=compared.p)
        self._quiet = Ledger()
        judged = self._judged(standing, here, now, compared)
        self._nights = nights if standing is Standing.KNOWN else Ledger(nights.last(compared.count))
        self._new = self._gone = False
        return judged

    def _stayed_away(self, now: Tallies) -> Judged | None:
        before = self._nights.total
        ever = [place for place, tally in before.items() if tally.hits]
        if not any(self._tried(now, place) for place in ever):
            return None
        self._quiet.extend([now])
        if self._gone:
            return None
        quiet = self._quiet.total
        here = [place for place in ever if self._tried(quiet, place)]
        p = math.prod(self._fewer(quiet[place], before[place]) for place in here)
        standing = Standing.GONE if p < LEVEL else Standing.UNSEEN
        compared = _Comparison(
            count=len(self._quiet), recent=quiet, nights=len(self._nights), before=before, p=p
        )
        judged = self._judged(standing, here, now, compared)
        self._gone = standing is Standing.GONE
        return judged

    def _compare(self, nights: Ledger, here: Sequence[Place]) -> _Comparison:
        """What tells most, of the last few nights and of the places; any may do so by chance (Bonferroni)."""
        counts = [1] if self._gone else [count for count in _RECENT if count < len(nights)]
        found = [self._last(nights, count, here) for count in counts]
        chances = [each.p for each in found if each.p is not None]
        if not chances:
            return self._last(nights, 1, here)
        best = next(each for each in found if each.p == min(chances))
        return replace(best, p=min(1.0, min(chances) * len(chances)))

    def _last(self, nights: Ledger, count: int, here: Sequence[Place]) -> _Comparison:
        recent, before = added(*nights.last(count)), nights.before(count)
        chances = [self._more(recent[place], before[place]) for place in here if self._tried(before, place)]
        return _Comparison(
            count=count,
            recent=recent,
            nights=len(nights) - count,
            before=before,
            p=min(1.0, min(chances) * len(chances)) if chances else None,
        )

    def _tried(self, tallies: Tallies, place: Place) -> bool:
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
        self, standing: Standing, here: Sequence[Place], now: Tallies, compared: _Comparison
    ) -> Judged:
        tallies = (now, compared.recent, compared.before, self._quiet.total)
        over = [pooled(each.get(place, Tally()) for place in here) for each in tallies]
        return Judged(
            finding=self._seen.finding,
            kind=self._seen.kind,
            title=self._seen.title,
            standing=standing,
            places=tuple(here),
            now=over[0],
            recent=over[1],
            recent_nights=compared.count,
            before=over[2],
            nights=compared.nights,
            quiet=over[3],
            p=compared.p,
            timed=self._seen.timed,
            returned=self._gone,
        )
