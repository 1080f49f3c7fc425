"""New, worse, known, gone, by the nights before."""

from __future__ import annotations

import math
import random

import pytest

from soak.findings.course import LEVEL
from soak.findings.memory import Acceptance
from soak.findings.morning import Morning, mornings
from soak.findings.standing import Judged, Standing
from soak.findings.trials import Place, Trials
from tests.findings.nights import SECONDS, STORM, night

CRASH, LEAK, HANG, EXIT = "crash-11111111", "leak-22222222", "hang-33333333", "exit-44444444"
SWAP = Place(scenario="swap")
OTHERS = Place(scenario="storm", target="glue:Glue")


def last(*nights: Trials, accepted: tuple[Acceptance, ...] = ()) -> Morning:
    return mornings(nights, accepted)[-1]


def standing(*nights: Trials, finding: str = CRASH) -> Standing | None:
    judged = last(*nights).of(finding)
    return judged.standing if judged else None


def judged(*nights: Trials, finding: str = CRASH) -> Judged:
    found = last(*nights).of(finding)
    assert found is not None
    return found


def test_the_first_line() -> None:
    """One of each kind is counted in the order of its news, and what there is none of is left out."""
    hits = {CRASH: 4, LEAK: 40, HANG: 9, "error-55555555": 30}
    tonight = {CRASH: 30, LEAK: 41, HANG: 8, EXIT: 1}
    morning = last(night(1, hits), night(2, tonight))
    assert morning.headline() == "1 NEW, 1 WORSE, 2 KNOWN, 1 GONE"
    assert [each.finding for each in morning.counted(Standing.WORSE)] == [CRASH]
    assert [each.finding for each in morning.counted(Standing.GONE)] == ["error-55555555"]
    assert last(night(1, {})).headline() == ""
    assert last(night(1, hits)).headline() == "4 NEW"


def test_the_same_rate_is_known_and_says_from_what() -> None:
    """Earlier nights are pooled."""
    found = judged(night(1, {CRASH: 4}), night(2, {CRASH: 7}), night(3, {CRASH: 5}))
    assert found.standing is Standing.KNOWN
    assert (found.before.hits, found.before.tries, found.nights) == (11, 720, 2)
    assert (found.now.hits, found.now.tries) == (5, 360)
    assert found.p is not None and found.p > 0.5


def test_worse_takes_more_than_bad_luck() -> None:
    """Five after two are no news, with p by Fisher's test; twelve after two are."""
    assert standing(night(1, {CRASH: 2}), night(2, {CRASH: 5})) is Standing.KNOWN
    worse = judged(night(1, {CRASH: 2}), night(2, {CRASH: 12}))
    assert worse.standing is Standing.WORSE
    chances = sum(math.comb(360, hits) * math.comb(360, 14 - hits) for hits in (12, 13, 14))
    assert worse.p == pytest.approx(chances / math.comb(720, 14))


def test_pooled_nights_show_what_one_does_not() -> None:
    """Eight against one is no news at a level of one in a hundred; against four in four nights it is."""
    quiet = [night(number, {CRASH: 1}) for number in range(1, 5)]
    assert standing(quiet[0], night(5, {CRASH: 8})) is Standing.KNOWN
    assert standing(*quiet, night(5, {CRASH: 8})) is Standing.WORSE


def test_a_few_nights_show_what_the_last_one_does_not() -> None:
    """Three times as often as twice a night is no news in one night; in three nights it is."""
    week = [night(number, {CRASH: 2}) for number in range(1, 8)]
    nights = [*week, *(night(number, {CRASH: 6}) for number in (8, 9, 10))]
    assert [standing(*nights[:count]) for count in (8, 9, 10)] == [
        Standing.KNOWN,
        Standing.KNOWN,
        Standing.WORSE,
    ]
    found = judged(*nights)
    assert (found.now.hits, found.recent.hits, found.recent_nights) == (6, 18, 3)
    assert (found.before.hits, found.nights) == (14, 7)
    after = judged(*nights, night(11, {CRASH: 6}))
    assert (after.standing, after.before.hits, after.nights) == (Standing.KNOWN, 18, 3)


def test_what_became_worse_is_known_at_its_new_rate() -> None:
    """The morning after a WORSE compares with the night that was worse: news is told once."""
    nights = [night(1, {CRASH: 2}), night(2, {CRASH: 30}), night(3, {CRASH: 28})]
    assert standing(*nights) is Standing.KNOWN


def test_gone_takes_more_than_one_quiet_night() -> None:
    """What came once is not gone because it did not come again; what came ten times a night is, once."""
    unseen = judged(night(1, {CRASH: 1}), night(2, {}))
    assert unseen.standing is Standing.UNSEEN
    assert unseen.p == pytest.approx(0.5)
    assert last(night(1, {CRASH: 1}), night(2, {})).headline() == ""
    gone = judged(night(1, {CRASH: 10}), night(2, {}))
    assert gone.standing is Standing.GONE
    assert gone.p is not None and gone.p == pytest.approx(2**-10, rel=0.1)
    assert standing(night(1, {CRASH: 10}), night(2, {}), night(3, {})) is None


def test_quiet_nights_add_up() -> None:
    """Two a night over a week: the third quiet night says what the first could not."""
    week = [night(number, {CRASH: 2}) for number in range(1, 8)]
    quiet = [night(number, {}) for number in range(8, 11)]
    said = [standing(*week, *quiet[: count + 1]) for count in range(3)]
    assert said == [Standing.UNSEEN, Standing.UNSEEN, Standing.GONE]
    found = judged(*week, *quiet)
    assert (found.before.tries, found.quiet.tries, found.now.tries) == (2520, 1080, 360)
    assert (found.nights, found.places) == (7, (STORM,))
    again = judged(*week, *quiet[:2], night(10, {CRASH: 2}))
    assert (again.standing, again.nights, again.before.tries) == (Standing.KNOWN, 9, 9 * 360)


def test_what_comes_back_is_worse() -> None:
    """A finding that was gone and returns is news, however rarely it comes."""
    nights = [night(1, {CRASH: 20}), night(2, {}), night(3, {}), night(4, {CRASH: 1})]
    found = judged(*nights)
    assert (found.standing, found.returned) == (Standing.WORSE, True)
    assert (found.before.hits, found.before.tries) == (0, 720)
    assert standing(*nights, night(5, {CRASH: 1})) is Standing.KNOWN


def test_other_scenarios_and_targets_prove_nothing() -> None:
    """A night that ran something else has nothing to say of a finding, neither gone nor unseen."""
    first = night(1, {CRASH: 30})
    for place in (SWAP, OTHERS):
        assert standing(first, night(2, {}, tries={place: 10_000})) is None
    mixed = night(2, {CRASH: {OTHERS: 300}}, tries={OTHERS: 360})
    found = judged(first, mixed)
    assert (found.standing, found.p) == (Standing.KNOWN, None)


def test_scenarios_are_compared_each_with_itself() -> None:
    """Another mix of scenarios is no change; the rate of one scenario is."""
    before = night(1, {CRASH: {STORM: 50, SWAP: 1}}, tries={STORM: 100, SWAP: 1000})
    mixed = night(2, {CRASH: {STORM: 500, SWAP: 1}}, tries={STORM: 1000, SWAP: 1000})
    assert standing(before, mixed) is Standing.KNOWN
    other = night(2, {CRASH: {STORM: 50, SWAP: 20}}, tries={STORM: 100, SWAP: 1000})
    assert standing(before, other) is Standing.WORSE


def test_what_has_no_rate_per_iteration_is_compared_by_time() -> None:
    """A worker whose memory grows may hit in a night of one iteration more often than that."""
    before = night(1, {LEAK: 2}, tries=1, timed=True)
    assert standing(before, night(2, {LEAK: 2}, tries=1, timed=True), finding=LEAK) is Standing.KNOWN
    worse = judged(before, night(2, {LEAK: 15}, tries=1, timed=True), finding=LEAK)
    assert (worse.standing, worse.now.seconds) == (Standing.WORSE, SECONDS)
    assert standing(before, night(2, {}, tries=20, timed=True), finding=LEAK) is Standing.GONE


def test_what_is_in_no_scenario_is_compared_over_the_whole_run() -> None:
    """The machine's own faults are counted by the run's time."""
    nowhere = Place(scenario="")
    nights = [night(1, {"infra-1": {nowhere: 9}}, timed=True), night(2, {}, timed=True)]
    assert standing(*nights, finding="infra-1") is Standing.GONE
    assert standing(nights[0], night(2, {"infra-1": {nowhere: 8}}, timed=True), finding="infra-1") is (
        Standing.KNOWN
    )


def test_accepted_findings_are_silent_and_counted_apart() -> None:
    """From the acceptance on, not before; even where they become worse."""
    acceptance = Acceptance(finding=CRASH, because="upstream", when=1.5 * 86400)
    nights = [night(1, {CRASH: 4}), night(2, {CRASH: 40, LEAK: 1})]
    told = mornings(nights, [acceptance])
    assert [morning.headline() for morning in told] == ["1 NEW", "1 NEW, 1 accepted"]
    (silent,) = told[1].accepted
    assert (silent.standing, silent.stale) == (Standing.WORSE, False)


def test_an_acceptance_of_what_is_gone_is_stale() -> None:
    """It silences nothing any more."""
    acceptance = Acceptance(finding=CRASH, because="upstream", when=1.5 * 86400)
    morning = last(night(1, {CRASH: 40}), night(2, {}), accepted=(acceptance,))
    assert morning.headline() == ""
    assert [each.stale for each in morning.accepted] == [True]


def test_chance_alone_is_seldom_news() -> None:
    """Over 2,000 nights at one rate, WORSE and GONE are told about as seldom as the level says."""
    rng = random.Random(1)
    told: list[Standing | None] = []
    for _ in range(100):
        nights = [night(1, {CRASH: 2})]
        for number in range(2, 22):
            hits = sum(rng.random() < 0.006 for _ in range(360))
            nights.append(night(number, {CRASH: hits} if hits else {}))
        found = [morning.of(CRASH) for morning in mornings(nights)]
        told += [each.standing for each in found[1:] if each and not each.returned]
    alarms = [told.count(Standing.WORSE), told.count(Standing.GONE)]
    assert all(count <= 1.5 * LEVEL * 2000 for count in alarms), alarms
    assert told.count(Standing.KNOWN) > 1500
