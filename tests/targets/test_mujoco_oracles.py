"""Every oracle fires on what it is for, and none on correct use."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mujoco
import numpy
import pytest

from soak.targets import mujoco_oracles, policies
from soak.targets.mujoco_sim import MujocoSim

BALL = """
<mujoco>
  <worldbody>
    <geom type="plane" size="1 1 1"/>
    <body name="ball" pos="0 0 0.05"><freejoint/><geom size="0.1"/></body>
  </worldbody>
</mujoco>
"""


def copy_data(to: Any, model: Any, data: Any) -> None:
    """``mj_copyData``, which MuJoCo's older bindings do not have."""
    if not hasattr(mujoco, "mj_copyData"):
        pytest.skip("this MuJoCo has no mj_copyData")
    mujoco.mj_copyData(to, model, data)


@pytest.fixture
def model() -> Any:
    return mujoco.MjModel.from_xml_string(BALL)


@pytest.fixture
def callbacks() -> Iterator[None]:
    """MuJoCo's callbacks are the process's: take them away again."""
    yield
    mujoco.set_mjcb_control(None)
    mujoco.set_mjcb_contactfilter(None)


@pytest.mark.usefixtures("oracles")
def test_correct_use_is_silent(model: Any) -> None:
    """Steps, resets, copies, states and recompiles of one thread break no promise."""
    spec = mujoco.MjSpec.from_string(BALL)
    own = spec.compile()
    data, other = mujoco.MjData(own), mujoco.MjData(own)
    for _ in range(100):
        mujoco.mj_step(own, data)
        mujoco.mj_forward(own, data)
    copy_data(other, own, data)
    mujoco.mj_step(own, other, 3)
    mujoco.mj_resetData(own, data)
    mujoco.mj_step(own, data)
    what = mujoco.mjtState.mjSTATE_FULLPHYSICS.value
    state = numpy.zeros(mujoco.mj_stateSize(own, what))
    mujoco.mj_getState(own, mujoco.MjData(own), state, what)
    mujoco.mj_setState(own, data, state, what)
    mujoco.mj_step(own, data)
    new, carried = spec.recompile(own, data)
    before = carried.time
    mujoco.mj_step(new, carried)
    assert carried.time > before, "the call was withheld"
    mujoco.mj_setConst(model, mujoco.MjData(model))


@pytest.mark.usefixtures("oracles", "callbacks")
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("mj_step", lambda spec, model, data: mujoco.mj_step(model, data)),
        ("mj_resetData", lambda spec, model, data: mujoco.mj_resetData(model, data)),
        ("mj_forward", lambda spec, model, data: mujoco.mj_forward(model, data)),
        ("mj_setConst", lambda spec, model, data: mujoco.mj_setConst(model, data)),
        ("mj_copyData", lambda spec, model, data: copy_data(mujoco.MjData(model), model, data)),
        ("recompile", lambda spec, model, data: spec.recompile(model, data)),
    ],
)
def test_two_threads_in_one_data_are_seen(name: str, call: Callable[[Any, Any, Any], object]) -> None:
    """A second thread's call is reported, with both calls' names, and not made."""
    spec = mujoco.MjSpec.from_string(BALL)
    model = spec.compile()
    data = mujoco.MjData(model)
    inside, leave = threading.Event(), threading.Event()

    def linger(_: Any, __: Any) -> None:
        inside.set()
        leave.wait(10)

    mujoco.set_mjcb_control(linger)
    stepper = threading.Thread(target=mujoco.mj_step, args=(model, data))
    stepper.start()
    assert inside.wait(10)
    try:
        with pytest.raises(AssertionError, match=mujoco_oracles.ONE_THREAD) as broken:
            call(spec, model, data)
    finally:
        leave.set()
        stepper.join(10)
    assert f"'call': '{name}'" in str(broken.value) and "'other': 'mj_step'" in str(broken.value)
    mujoco.set_mjcb_control(None)
    mujoco.mj_step(model, data)


@pytest.mark.usefixtures("oracles", "callbacks")
def test_a_callback_may_use_the_data_it_is_given(model: Any) -> None:
    """A call from within a step, in the same thread, is no second thread."""
    data = mujoco.MjData(model)
    mujoco.set_mjcb_control(lambda m, d: mujoco.mj_kinematics(m, d))
    mujoco.mj_step(model, data)
    assert data.time > 0, "the call was withheld"


@pytest.mark.usefixtures("oracles")
def test_two_threads_on_data_of_their_own_are_silent(model: Any) -> None:
    """Only the data is one thread's, the model is everybody's."""
    broken: list[BaseException] = []

    def work() -> None:
        data = mujoco.MjData(model)
        try:
            for _ in range(300):
                mujoco.mj_step(model, data)
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            broken.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert broken == []


@pytest.mark.usefixtures("oracles")
def test_data_of_another_shape_is_seen() -> None:
    """Stepping a larger model on smaller data is reported, and not done."""
    small = mujoco.MjModel.from_xml_string(BALL)
    large = mujoco.MjModel.from_xml_string(BALL.replace("</worldbody>", "<body/><body/></worldbody>"))
    data = mujoco.MjData(small)
    for call in (mujoco.mj_step, mujoco.mj_forward, mujoco.mj_resetData):
        with pytest.raises(AssertionError, match=mujoco_oracles.OWN_MODEL):
            call(large, data)
    assert data.time == 0


@pytest.mark.usefixtures("oracles")
def test_a_pair_that_was_declared_is_kept_to_by_identity(model: Any) -> None:
    """Another model of the same shape is seen where the target said which one belongs to the data."""
    twin = mujoco.MjModel.from_xml_string(BALL)
    known, unknown = mujoco.MjData(model), mujoco.MjData(model)
    mujoco_oracles.belongs(model, known)
    mujoco.mj_step(twin, unknown)
    for call in (mujoco.mj_step, mujoco.mj_forward):
        with pytest.raises(AssertionError, match=mujoco_oracles.OWN_MODEL):
            call(twin, known)


@pytest.mark.usefixtures("oracles", "callbacks")
def test_a_stack_that_is_still_in_use_is_seen(model: Any) -> None:
    """A callback that raised deep inside leaves the stack in use; the next call says so, a recompile too."""
    spec = mujoco.MjSpec.from_string(BALL)
    model = spec.compile()
    data = mujoco.MjData(model)

    def fail(*_: Any) -> int:
        raise ValueError("deep inside")

    mujoco.set_mjcb_contactfilter(fail)
    with pytest.raises(ValueError, match="deep inside"):
        mujoco.mj_step(model, data)
    mujoco.set_mjcb_contactfilter(None)
    calls: list[Callable[[], object]] = [
        lambda: mujoco.mj_step(model, data),
        lambda: mujoco.mj_forward(model, data),
        lambda: spec.recompile(model, data),
    ]
    for call in calls:
        with pytest.raises(AssertionError, match=mujoco_oracles.STACK_FREE):
            call()


@pytest.mark.usefixtures("oracles")
def test_time_that_goes_back_is_seen(model: Any) -> None:
    """Time may go back in a reset, and nowhere else."""
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, 10)
    mujoco.mj_resetData(model, data)
    mujoco.mj_step(model, data, 10)
    data.time = 0.0
    with pytest.raises(AssertionError, match=mujoco_oracles.TIME_FORWARD):
        mujoco.mj_step(model, data)


@pytest.mark.usefixtures("oracles")
def test_a_state_that_is_no_number_is_seen(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MuJoCo resets a NaN in silence; its warning counter does not forget it."""
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its log there
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, 5)
    data.qpos[0] = float("nan")
    with pytest.raises(AssertionError, match=mujoco_oracles.FINITE) as broken:
        for _ in range(mujoco_oracles.WARNINGS_EVERY):
            mujoco.mj_step(model, data)
    assert "mjWARN_BADQPOS" in str(broken.value)


@pytest.mark.usefixtures("oracles")
def test_what_is_watched_is_not_kept_alive(model: Any) -> None:
    """Data that was watched is freed, and what is known about it is forgotten."""
    before = len(mujoco_oracles._watched)
    for _ in range(20):
        mujoco.mj_step(model, mujoco.MjData(model))
    gc.collect()
    assert len(mujoco_oracles._watched) == before


def test_installing_twice_wraps_once() -> None:
    """Install is idempotent, and uninstall gives back the functions that were there."""
    native = mujoco.mj_step
    mujoco_oracles.install()
    once = mujoco.mj_step
    mujoco_oracles.install()
    assert mujoco.mj_step is once is not native
    mujoco_oracles.uninstall()
    assert mujoco.mj_step is native


@pytest.mark.usefixtures("oracles")
def test_the_correct_engine_is_silent_under_many_threads() -> None:
    """Starts, stops, runs and every mutation from six threads at once break no promise of MuJoCo's."""
    sim = MujocoSim(period=0.0)
    broken: list[BaseException] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(150):
                robot = rng.choice(("left", "right"))
                rng.choice(sim.mutations)(rng, robot)
                run = sim.start_policy(robot, policies.sinusoid(), steps=rng.randrange(1, 8))
                rng.choice((lambda robot: None, sim.stop_policy, sim.observe))(robot)
                if hasattr(run, "future"):
                    assert run.future.exception(timeout=30) is None
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            broken.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sim.close().clean
    assert broken == []


RACE = """
import os, sys, threading, time
import mujoco
from soak import author
from soak.targets import mujoco_oracles
from tests.targets.test_mujoco_oracles import BALL

class Teller(author._PlainWitness):
    def broken(self, promise, details):
        print(promise, flush=True)
        os._exit(3)

author.set_witness(Teller())
mujoco_oracles.install()
spec = mujoco.MjSpec.from_string(BALL)
model = spec.compile()
data = mujoco.MjData(model)
option, camera, scene = mujoco.MjvOption(), mujoco.MjvCamera(), mujoco.MjvScene(model, maxgeom=100)
calls = {
    "mj_step": lambda: mujoco.mj_step(model, data),
    "mj_resetData": lambda: mujoco.mj_resetData(model, data),
    "mj_forward": lambda: mujoco.mj_forward(model, data),
    "mj_setConst": lambda: mujoco.mj_setConst(model, data),
    "recompile": lambda: spec.recompile(model, data),
    "mjv_updateScene": lambda: mujoco.mjv_updateScene(model, data, option, None, camera, 7, scene),
}

def loop(call):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        call()

threads = [threading.Thread(target=loop, args=(calls[name],)) for name in sys.argv[1:]]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


@pytest.mark.parametrize(
    ("one", "other", "promise"),
    [
        ("mj_step", "mj_step", mujoco_oracles.ONE_THREAD),
        ("mj_step", "mj_resetData", mujoco_oracles.ONE_THREAD),
        ("mj_step", "mj_forward", mujoco_oracles.ONE_THREAD),
        ("mj_step", "mj_setConst", mujoco_oracles.ONE_THREAD),
        ("mj_step", "recompile", mujoco_oracles.ONE_THREAD),
        ("mj_step", "mjv_updateScene", mujoco_oracles.ONE_THREAD),
        ("recompile", "recompile", mujoco_oracles.ONE_COMPILER),
    ],
)
def test_a_real_race_is_told_before_it_kills(one: str, other: str, promise: str, tmp_path: Path) -> None:
    """Two threads that race on raw MuJoCo end in the oracle's words, not in a signal."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", RACE, one, other],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "MUJOCO_GL": "disable"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (3, promise), done.stderr
