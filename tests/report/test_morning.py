"""The words of the morning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soak.cli import options
from soak.events import Verdict
from soak.findings.memory import Acceptance
from soak.findings.morning import Morning, mornings
from soak.findings.trials import Trials
from soak.report.machine import document as run_document
from soak.report.morning import FailOn, absent_lines, document, mark, more_hours, remark, silent
from soak.report.verdict import closing_text, verdict
from tests.findings.nights import night
from tests.report.streams import crashing, folded

CRASH, LEAK, HANG = "crash-11111111", "leak-22222222", "hang-33333333"
HALF_AN_HOUR = 1800.0


def morning(*nights: Trials, accepted: str = "") -> Morning:
    acceptances = [Acceptance(finding=accepted, because="upstream", when=0.0)] if accepted else []
    return mornings(nights, acceptances)[-1]


def words(told: Morning, finding: str) -> str:
    judged = told.of(finding)
    assert judged is not None
    return remark(judged)


def test_what_came_is_compared_in_words() -> None:
    """From what, in how many nights, and the chance of it."""
    nights = [night(1, {CRASH: 2}), night(2, {CRASH: 2}), night(3, {CRASH: 30, LEAK: 1})]
    assert words(morning(*nights), CRASH).startswith("before: 4/720 (0.56 %) in 2 nights, p = ")
    assert words(morning(*nights), LEAK) == ""
    assert words(morning(*nights, accepted=CRASH), CRASH).endswith(
        ", accepted because upstream; WORSE than before"
    )


def test_what_is_back_says_that_it_was_gone() -> None:
    """With the time of its absence."""
    told = morning(night(1, {CRASH: 30}), night(2, {}), night(3, {CRASH: 1}))
    assert words(told, CRASH) == "it was gone: 0/360 until now, p = 0.5"


def test_what_has_no_rate_per_iteration_is_told_by_time() -> None:
    """So often in so many hours."""
    told = morning(night(1, {LEAK: 2}, timed=True), night(2, {LEAK: 3}, timed=True))
    assert words(told, LEAK).startswith("before: 2 in 30 min 00 s in 1 night, p = ")


def test_gone_and_unseen_are_told_apart() -> None:
    """What is gone, and what is missing to have seen the others: 1 in 360 takes 1077 tries, 717 more."""
    told = morning(night(1, {CRASH: 30, HANG: 1}), night(2, {}))
    lines = absent_lines(told, HALF_AN_HOUR)
    assert lines == [
        "Gone:",
        f"  {CRASH}  {CRASH} happened",
        "      0/360 since it was last seen, 30/360 (8.3 %) in 1 night before: p = 5e-10",
        "Not seen, which may be chance:",
        f"  {HANG}  {HANG} happened",
        "      0/360 since it was last seen, 1/360 (0.28 %) in 1 night before: p = 0.5",
        "      59 min 45 s more of such runs to see its 0.28 % with 95 % confidence",
    ]


def test_more_hours_follow_from_the_night() -> None:
    """A night that tries twice as much in its time needs half as long; one that tried enough, none."""
    one = night(1, {CRASH: 1})
    few, many = morning(one, night(2, {})), morning(one, night(2, {}, tries=720))
    found = [each.judged[0] for each in (few, many)]
    assert more_hours(found[0], HALF_AN_HOUR) == pytest.approx(717 / 720)
    assert more_hours(found[1], HALF_AN_HOUR) == pytest.approx(357 / 1440)
    enough = morning(one, night(2, {}, tries=1100))
    assert more_hours(enough.judged[0], HALF_AN_HOUR) == 0
    assert "the rate is no better known" in absent_lines(enough, HALF_AN_HOUR)[-1]


def test_more_hours_by_time() -> None:
    """One in half an hour takes three times that to be seen at 95 %, of which half an hour is over."""
    told = morning(night(1, {LEAK: 1}, timed=True), night(2, {}, timed=True))
    assert more_hours(told.judged[0], HALF_AN_HOUR) == pytest.approx(0.5 * (2.9957 - 1), rel=1e-4)


def test_a_stale_acceptance_is_flagged() -> None:
    """With the command that takes it back."""
    told = morning(night(1, {CRASH: 30}), night(2, {}), accepted=CRASH)
    assert absent_lines(told, HALF_AN_HOUR)[-1] == (
        f"      its acceptance is stale: soak accept {CRASH} --undo"
    )


@pytest.mark.parametrize(
    ("fail_on", "expected"),
    [(FailOn.ANY, {HANG}), (FailOn.WORSE, {HANG, "error-4"}), (FailOn.NEW, {HANG, "error-4", CRASH})],
)
def test_what_fails_a_run(fail_on: FailOn, expected: set[str]) -> None:
    """Of a new, a worse and a known finding: new; new and worse; all. Never an accepted one."""
    nights = [
        night(1, {CRASH: 2, "error-4": 5, HANG: 5}),
        night(2, {CRASH: 40, "error-4": 5, HANG: 5, LEAK: 1}),
    ]
    told = morning(*nights, accepted=HANG)
    assert silent(told, fail_on) == expected
    assert [mark(told.of(name)) for name in (LEAK, CRASH, "error-4", HANG, "exit-9")] == [
        "NEW",
        "WORSE",
        "KNOWN",
        "accepted",
        "",
    ]
    assert silent(None, fail_on) == set()


def test_the_command_line_has_the_same_words() -> None:
    """Written twice, since help must be quick."""
    assert [one.value for one in options.FailOn] == [one.value for one in FailOn]


def test_silent_findings_leave_the_verdict_that_is_left() -> None:
    """Clean where nothing else is wrong."""
    progress = folded(crashing())
    (name,) = progress.findings
    assert verdict(progress) is Verdict.FINDINGS
    assert verdict(progress, silent={name}) is Verdict.CLEAN


def test_the_report_begins_with_the_news_and_marks_each_finding() -> None:
    """Text and JSON say the same."""
    progress = folded(crashing())
    (name,) = progress.findings
    told = morning(night(1, {CRASH: 30, name: 20}), night(2, {name: 7}, tries=20))
    text = closing_text(progress, Verdict.FINDINGS, out=Path(".soak"), morning=told, exits="why")
    lines = text.splitlines()
    assert lines[0] == "1 WORSE"
    assert lines[1].startswith("FINDINGS: 1 finding")
    assert lines[2] == "  why"
    assert f"  {name}  WORSE  SIGSEGV in innermost (arm/engine.py)" in lines
    assert any(line.startswith("      before: 20/360 (5.6 %) in 1 night, p = ") for line in lines)
    assert "Not seen, which may be chance:" in lines
    plain = json.loads(json.dumps(run_document(progress, Verdict.FINDINGS, told)))
    assert plain["findings"][0]["standing"] == "worse"
    assert plain["morning"]["headline"] == "1 WORSE"
    assert plain["morning"]["counts"] == {"new": 0, "worse": 1, "known": 0, "gone": 0}
    assert run_document(progress, Verdict.FINDINGS)["morning"] is None


def test_the_document_speaks_of_all_findings() -> None:
    """Those that did not come, too; hours only where they mean something."""
    told = morning(night(1, {CRASH: 30, HANG: 1}), night(2, {LEAK: 1}))
    found = {each["finding"]: each for each in document(told, HALF_AN_HOUR)["findings"]}
    assert {name: each["standing"] for name, each in found.items()} == {
        CRASH: "gone",
        HANG: "unseen",
        LEAK: "new",
    }
    assert found[CRASH]["before"] == {"hits": 30, "tries": 360, "seconds": 1800.0, "nights": 1}
    assert found[HANG]["more_hours"] == pytest.approx(717 / 720)
    assert found[CRASH]["more_hours"] is None
