"""Nights as rows."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from soak.events import Verdict
from soak.findings.nights import Told, told
from soak.report.history import finding_document, finding_text, nights_document, nights_text
from tests.findings.test_nights import CRASH, Remembered, night, record

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def nights(monkeypatch: pytest.MonkeyPatch) -> list[Told]:
    """A crash comes in two nights, in the third it does not, and that run was killed."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    first, second, third = (
        night(number, {CRASH: (hits, ("storm",))} if hits else {})
        for number, hits in ((1, 10), (2, 12), (3, 0))
    )
    dirty = replace(second, environment={"git": f"{COMMIT} (changed)"})
    killed = replace(third, run=replace(third.run, verdict=None), environment={"git": COMMIT})
    return told(Remembered((first, dirty, killed), (record(CRASH),)))


def test_one_line_for_each_night(nights: list[Told]) -> None:
    """When, of which commit and whether it was changed, how much, what, and the bound."""
    assert nights_text(nights).splitlines() == [
        "when              commit     iterations  NEW  WORSE  KNOWN  GONE  accepted  verdict   rate bound",
        "1970-01-02 00:00  –          200         1    –      –      –     –         findings  1.5 %",
        "1970-01-03 00:00  01234567+  200         –    –      1      –     –         findings  1.5 %",
        "1970-01-04 00:00  01234567   200         –    –      –      1     –         no end    1.5 %",
    ]


def test_one_finding_in_each_night(nights: list[Told]) -> None:
    """Its rate with the exact interval, what it was, and the chance of that."""
    lines = finding_text(CRASH, "it crashed", nights).splitlines()
    assert lines[0] == f"{CRASH}  it crashed"
    assert lines[1] == "1970-01-02 00:00  –          10/100 (10 %, exactly 4.9–18 %)  NEW"
    assert lines[2].startswith("1970-01-03 00:00  01234567+  12/100 (12 %, exactly 6.4–20 %)  KNOWN  p = 0.")
    assert lines[3].startswith("1970-01-04 00:00  01234567   0/100 (0 %, exactly 0–3.6 %)     GONE   p = ")


def test_for_machines(nights: list[Told]) -> None:
    """Findings by standing; a killed run has no verdict."""
    plain = json.loads(json.dumps(nights_document(nights)))
    assert [each["findings"]["known"] for each in plain] == [[], [CRASH], []]
    assert [each["verdict"] for each in plain] == [Verdict.FINDINGS.value, Verdict.FINDINGS.value, None]
    rows = json.loads(json.dumps(finding_document(CRASH, nights)))
    assert [(each["standing"], each["hits"], each["tries"]) for each in rows] == [
        ("new", 10, 100),
        ("known", 12, 100),
        ("gone", 0, 100),
    ]
