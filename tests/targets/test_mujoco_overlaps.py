"""What MuJoCo's functions read and write, seen by schedules: a conflict is found at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import mujoco
import pytest

import soak
from soak.schedule import Overlap
from soak.stretch import stretch_by
from soak.targets import mujoco_overlaps

_XML = "<mujoco><worldbody><body><freejoint/><geom size='.1'/></body></worldbody></mujoco>"


@pytest.fixture(autouse=True)
def overlaps() -> Iterator[None]:
    """Schedules see into MuJoCo."""
    uninstall = mujoco_overlaps.install()
    yield
    uninstall()


def _together(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def step_and_reset() -> None:
    """A data is stepped while another thread resets it."""
    model = mujoco.MjModel.from_xml_string(_XML)
    data = mujoco.MjData(model)
    _together(lambda: mujoco.mj_step(model, data), lambda: mujoco.mj_resetData(model, data))


def step_and_recompile() -> None:
    """A scene is recompiled out of a data that is stepped."""
    spec = mujoco.MjSpec.from_string(_XML)
    model = spec.compile()
    data = mujoco.MjData(model)
    _together(lambda: mujoco.mj_step(model, data, nstep=2), lambda: spec.recompile(model, data))


def step_two() -> None:
    """One model, a data for each thread: what MuJoCo is made for."""
    model = mujoco.MjModel.from_xml_string(_XML)
    one, other = mujoco.MjData(model), mujoco.MjData(model)
    _together(lambda: mujoco.mj_step(model, one), lambda: mujoco.mj_step(model, other))


def step_in_turn() -> None:
    """Step and reset under one lock."""
    model = mujoco.MjModel.from_xml_string(_XML)
    data = mujoco.MjData(model)
    lock = threading.Lock()

    def locked(function: Callable[..., object]) -> None:
        with lock:
            function(model, data)

    _together(lambda: locked(mujoco.mj_step), lambda: locked(mujoco.mj_resetData))


@pytest.mark.parametrize(
    ("race", "names"),
    [(step_and_reset, ("mj_step", "mj_resetData")), (step_and_recompile, ("mj_step", "recompile"))],
)
def test_conflicting_calls_are_found_and_replay(race: Callable[[], None], names: tuple[str, str]) -> None:
    """Within ten schedules; the words name both calls and the data."""
    result = soak.race(race)
    assert result.found, str(result)
    assert result.first is not None and result.first <= 10
    assert isinstance(result.error, Overlap)
    assert all(name in result.words for name in (*names, "MjData"))
    assert result.token is not None
    again = soak.replay(race, result.token)
    assert again.found and again.exact


def test_a_step_is_stretched_while_noise_wants_it() -> None:
    """The real call makes so many steps more, and the data's time says so."""
    uninstall = mujoco_overlaps.install(stretch=True)
    model = mujoco.MjModel.from_xml_string(_XML)
    data = mujoco.MjData(model)
    try:
        mujoco.mj_step(model, data)
        assert data.time == pytest.approx(model.opt.timestep)
        stretch_by(lambda: 9)
        mujoco.mj_step(model, data)
        assert data.time == pytest.approx(10 * model.opt.timestep)
    finally:
        stretch_by(None)
        uninstall()


@pytest.mark.parametrize("harmless", [step_two, step_in_turn])
def test_no_alarm_where_mujoco_allows_it(harmless: Callable[[], None]) -> None:
    """100 schedules, no finding."""
    result = soak.race(harmless, schedules=100)
    assert not result.found, str(result)
    assert (result.unproven, result.stalled, result.endless) == (None, None, 0)


def test_uninstalled_functions_are_mujocos_own() -> None:
    """What was wrapped is MuJoCo's own function again, and a second installation wraps it once more."""
    wrapped = mujoco.mj_step
    uninstall = mujoco_overlaps.install()
    assert mujoco.mj_step is not wrapped
    uninstall()
    assert mujoco.mj_step is wrapped
