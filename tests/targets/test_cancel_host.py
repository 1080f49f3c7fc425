"""Every cell of the matrix ends as stated for this version, and the host that runs it is never wedged."""

from __future__ import annotations

import pytest

from soak.canaries.interpreters import SwallowsCtrlC
from soak.targets.cancel_cells import CELLS, Cause, Cell, Ending, Place, Vehicle, state
from soak.targets.cancel_host import CancelHost, CellOutcome, table
from soak.targets.cancel_runtime import Said
from soak.targets.interpreters import OWN_GIL

PAIRS = [(place, vehicle) for place in Place for vehicle in Vehicle]


def no_beat() -> None:
    pass


def test_the_matrix_is_whole() -> None:
    """Four causes, six places, three vehicles; each with a statement that says what is nobody's choice."""
    assert len(CELLS) == 4 * 6 * 3 == len(set(CELLS))
    for place, vehicle in PAIRS:
        stated = state(place, vehicle)
        assert stated.known_limit == (stated.ending is Ending.LADDER)
        assert bool(stated.why) == (stated.ending is not Ending.ITSELF)
        assert stated.grace < stated.within
        assert ("known limit" in str(stated)) == stated.known_limit


def test_a_gil_of_its_own_spares_the_ladder() -> None:
    """An interpreter that shares the GIL starves its host; one with a GIL of its own does not."""
    for place in (Place.LOOP, Place.HELD):
        assert (state(place, Vehicle.INTERPRETER).ending is Ending.HOST) == OWN_GIL


@pytest.mark.parametrize(("place", "vehicle"), PAIRS, ids=lambda word: word.name)
def test_a_cell_ends_as_stated(place: Place, vehicle: Vehicle) -> None:
    """By itself, by its host's kill, or by the kill from outside; the cause goes round."""
    cause = list(Cause)[PAIRS.index((place, vehicle)) % len(Cause)]
    outcome = CancelHost().run(Cell(cause, place, vehicle), beat=no_beat)
    assert outcome.as_stated, outcome


@pytest.mark.parametrize("cause", Cause, ids=lambda cause: cause.name)
def test_every_cause_cancels(cause: Cause) -> None:
    """A signal, a call and a closed channel end work that looks, and let a shielded section end first."""
    for place in (Place.CALL, Place.SHIELD):
        outcome = CancelHost().run(Cell(cause, place, Vehicle.THREAD), beat=no_beat)
        assert (outcome.ending, outcome.said) == (Ending.ITSELF, Said.ITSELF)


def test_a_swallowed_ctrl_c_is_not_as_stated() -> None:
    """The work never hears of it, and the ladder has to end it."""
    cell = Cell(Cause.SIGINT, Place.SHIELD, Vehicle.THREAD)
    # On a busy machine, one comes too late for the shield now and then.
    outcomes = (SwallowsCtrlC().run(cell, beat=no_beat) for _ in range(10))
    swallowed = next(outcome for outcome in outcomes if not outcome.as_stated)
    assert swallowed.ending is Ending.LADDER


def outcome_of(ending: Ending, said: Said | None = Said.ITSELF) -> CellOutcome:
    cell = Cell(Cause.CANCEL, Place.NATIVE, Vehicle.PROCESS)
    return CellOutcome(cell=cell, ending=ending, said=said, status=0, seconds=0.1)


def test_better_than_stated_is_well_and_worse_is_not() -> None:
    """A kill is stated here: ending by itself is fine, needing the ladder or cutting work short is not."""
    assert outcome_of(Ending.ITSELF).as_stated
    assert outcome_of(Ending.HOST, Said.KILLED).as_stated
    assert not outcome_of(Ending.LADDER, None).as_stated
    assert not outcome_of(Ending.ITSELF, Said.CUT_SHORT).as_stated


def test_the_table_names_what_is_not_as_stated() -> None:
    """One line per place and vehicle that was run."""
    assert "NOT AS STATED" not in table([outcome_of(Ending.HOST, Said.KILLED)])
    (line,) = table([outcome_of(Ending.HOST, Said.KILLED), outcome_of(Ending.LADDER, None)]).splitlines()
    assert "2×" in line
    assert "by its host / needed the kill: from outside" in line
    assert line.endswith("NOT AS STATED (needed the kill: by its host)")
