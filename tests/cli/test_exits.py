"""Exit codes, and the one place where problems become words."""

from __future__ import annotations

import pytest

from soak.cli.exits import Exit, MachineProblem, UsageProblem, exit_code, told_in_words
from soak.events import Verdict


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.CLEAN, 0),
        (Verdict.FINDINGS, 1),
        (Verdict.HARNESS_FAULT, 3),
        (Verdict.CANNOT_RUN, 4),
        (Verdict.UNPROVEN, 5),
    ],
)
def test_every_verdict_has_its_code(verdict: Verdict, code: int) -> None:
    """The codes are those that the documentation names."""
    assert exit_code(verdict) == code


def test_an_interrupted_run_exits_as_its_signal_says() -> None:
    """128 + n, as shells count."""
    assert (exit_code(Verdict.INTERRUPTED, 2), exit_code(Verdict.INTERRUPTED, 15)) == (130, 143)


@pytest.mark.parametrize(
    ("problem", "code"),
    [(UsageProblem("no such robot"), Exit.USAGE), (MachineProblem("no disk"), Exit.CANNOT_RUN)],
)
def test_a_problem_becomes_one_line_and_its_code(
    problem: Exception, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its message on stderr, no traceback."""
    with pytest.raises(SystemExit) as left, told_in_words():
        raise problem
    assert left.value.code == code
    assert capsys.readouterr().err == f"soak: {problem}\n"


def test_our_own_bug_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, with the traceback that a report needs."""
    with pytest.raises(SystemExit) as left, told_in_words():
        raise AssertionError("unreachable: but reached")
    assert left.value.code == Exit.HARNESS_FAULT
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "soak's own fault" in told


def test_ctrl_c_before_a_run_is_130() -> None:
    """The same code as during a run."""
    with pytest.raises(SystemExit) as left, told_in_words():
        raise KeyboardInterrupt
    assert left.value.code == 130
