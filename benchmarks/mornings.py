"""How often a morning says WORSE or GONE of what has not changed, and how soon it says so of what has.

Nights are simulated: 360 iterations each, as half an hour of five-second iterations has, in which a bug comes
with a rate of its own. No process is started: what is judged is judged by the code that judges real nights.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence

from benchmarks.row import Bench, Row, at_most, row
from soak.events import Kind
from soak.findings.course import LEVEL
from soak.findings.morning import Morning, mornings
from soak.findings.standing import Standing
from soak.findings.trials import Place, Seen, Tally, Trials

TRIES, BATCHES, BUGS, NIGHTS = 360, 7, 50, 30
#: Known for so many nights before something changes; then looked at for so many at most.
WEEK, MONTHS = 7, 60
#: From once in three nights to one iteration in ten.
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
_PLACE = Place(scenario="storm")
_BUG = "crash-00000000"


def measure(bench: Bench) -> list[Row]:
    """Seven batches of simulated bugs."""
    batches = [_unchanged(random.Random(seed)) for seed in range(BATCHES)]
    wrongly = "of a hundred nights with an unchanged bug"
    rows = [
        at_most(f"{wrongly}, WORSE", [worse for worse, _gone in batches], 100 * LEVEL, "%"),
        at_most(f"{wrongly}, GONE", [gone for _worse, gone in batches], 100 * LEVEL, "%"),
    ]
    for per_night in (2, 10):
        known = per_night / TRIES
        gone = [_nights_until(Standing.GONE, known, 0.0, seed) for seed in range(BUGS)]
        worse = [_nights_until(Standing.WORSE, known, 3 * known, seed) for seed in range(BUGS)]
        known_for = f"{per_night} times a night for a week"
        rows += [
            row(f"a bug known {known_for} is mended: GONE after", gone, "nights"),
            row(f"a bug known {known_for} comes three times as often: WORSE after", worse, "nights"),
        ]
    return [*rows, row("20 findings over 365 nights, judged", [_seconds() for _ in range(BATCHES)], "s")]


def _unchanged(rng: random.Random) -> tuple[float, float]:
    """How many per cent of nights said WORSE and GONE of bugs whose rates never changed."""
    told: list[Standing | None] = []
    for number in range(BUGS):
        rate = RATES[number % len(RATES)]
        said = [morning.of(_BUG) for morning in mornings(_nights(rng, [rate] * NIGHTS))]
        told += [judged.standing if judged and not judged.returned else None for judged in said]
    worse, gone = (told.count(standing) for standing in (Standing.WORSE, Standing.GONE))
    return 100 * worse / len(told), 100 * gone / len(told)


def _nights_until(standing: Standing, before: float, after: float, seed: int) -> int:
    """How many nights after a change it has been said; all that were looked at where it never is.

    What is GONE by chance when it is mended has been said at once.
    """
    rng = random.Random(seed)
    said = mornings(_nights(rng, [before] * WEEK + [after] * MONTHS))
    told = [number for number, each in enumerate(said, start=1) if each.counted(standing)]
    if standing is Standing.GONE:
        return max(0, told[-1] - WEEK) if told else MONTHS
    return next((number - WEEK for number in told if number > WEEK), MONTHS)


def _nights(rng: random.Random, rates: Sequence[float], bugs: int = 1) -> Iterator[Trials]:
    for number, rate in enumerate(rates):
        names = [f"{_BUG[:-2]}{bug:02d}" for bug in range(bugs)]
        hits = {name: sum(rng.random() < rate for _ in range(TRIES)) for name in names}
        yield Trials(
            run=str(number),
            t=float(number),
            seconds=1800.0,
            efforts={_PLACE: Tally(tries=TRIES, seconds=1800.0)},
            seen={
                name: Seen(finding=name, kind=Kind.CRASH, title="", hits={_PLACE: count})
                for name, count in hits.items()
                if count
            },
        )


def _seconds() -> float:
    nights = list(_nights(random.Random(1), [0.01] * 365, bugs=20))
    began = time.monotonic()
    said: list[Morning] = mornings(nights)
    took = time.monotonic() - began
    assert len(said) == 365
    return took
