"""What MuJoCo's functions read and write, for schedules: see :func:`soak.native`.

As MuJoCo's headers have it: ``const`` is read, the rest is written, and so is whatever has a stack that the
function works on. Calls on one model from many threads are fine, on one data they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import mujoco

from soak.schedule.natives import confirming, native
from soak.targets import mujoco_native, mujoco_oracles

#: Promises that are broken where two calls overlap: a target's own oracles may see it first.
OVERLAPS = (mujoco_oracles.ONE_THREAD, mujoco_oracles.ONE_COMPILER)

#: ``(model, data, …)``: the model is read, the data written.
WORKS = (
    *("mj_step1", "mj_step2", "mj_forward", "mj_forwardSkip", "mj_inverse", "mj_inverseSkip"),
    *("mj_fwdPosition", "mj_fwdVelocity", "mj_fwdActuation", "mj_fwdAcceleration", "mj_fwdConstraint"),
    *("mj_Euler", "mj_RungeKutta", "mj_implicit", "mj_kinematics", "mj_comPos", "mj_camlight", "mj_tendon"),
    *("mj_transmission", "mj_collision", "mj_makeConstraint", "mj_projectConstraint", "mj_comVel"),
    *("mj_passive", "mj_subtreeVel", "mj_rnePostConstraint", "mj_sensorPos", "mj_sensorVel", "mj_sensorAcc"),
    *("mj_energyPos", "mj_energyVel", "mj_resetData", "mj_resetDataKeyframe", "mj_resetDataDebug"),
    *("mj_setState", "mjv_applyPerturbForce", "mjv_applyPerturbPose"),
)
#: ``(model, data, …)``: both are read.
LOOKS = (
    *("mj_getState", "mj_ray", "mj_contactForce", "mj_objectVelocity", "mj_objectAcceleration"),
    *("mj_jac", "mj_jacBody", "mj_jacBodyCom", "mj_jacGeom", "mj_jacSite"),
)
#: ``(model, …)``: it is read.
LOOKUPS = ("mj_saveModel", "mj_name2id", "mj_id2name", "mj_stateSize")


def install(*, stretch: bool = False) -> Callable[[], None]:
    """Let schedules see into MuJoCo's calls, those that this version has. Returns what ends it.

    With ``stretch``, ``mj_step`` makes more steps than asked now and then under ``soak run --perturb heavy``,
    so that whoever touches its data meanwhile meets it: for targets whose promises do not count steps.
    """
    repeats = {"stretch": "nstep"} if stretch or confirming() else {}
    undo = [
        *_each(mujoco, ("mj_step",), reads=("m",), writes=("d",), **repeats),
        *_each(mujoco, WORKS, reads=("m",), writes=("d",)),
        *_each(mujoco, LOOKS, reads=("m", "d")),
        *_each(mujoco, LOOKUPS, reads=("m",)),
        *_each(mujoco, ("mj_copyData",), reads=("m", "src"), writes=("dest",)),
        *_each(mujoco, ("mj_setConst", "mj_setLengthRange"), writes=("m", "d")),
        *_each(mujoco, ("mj_setTotalmass",), writes=("m",)),
        *_each(mujoco, ("mj_setKeyframe",), reads=("d",), writes=("m",)),
        *_each(mujoco, ("mjv_updateScene",), reads=("m",), writes=("d", "scn")),
        *_each(mujoco, ("mjv_updateCamera",), reads=("m", "d"), writes=("cam", "scn")),
        *_each(mujoco, ("mjr_render",), writes=("scn", "con")),
        *_each(mujoco.MjSpec, ("compile",), writes=("self",)),
        # Before MuJoCo 4 its signature does not name them.
        *_each(
            mujoco.MjSpec,
            ("recompile",),
            reads=("m", "d"),
            writes=("self",),
            parameters=("self", "m", "d"),
        ),
    ]

    def uninstall() -> None:
        while undo:
            undo.pop()()

    return uninstall


def let_pass() -> None:
    """Have no oracle withhold a call that overlaps another: the two are to meet. And have MuJoCo's own errors
    leave stacks."""
    mujoco_oracles.uninstall()
    mujoco_native.abort_on_error()


def _each(owner: Any, names: Iterable[str], **uses: Any) -> list[Callable[[], None]]:
    return [native(owner, name, key=_address, **uses) for name in names if hasattr(owner, name)]


def _address(value: Any) -> int:
    """Two wrappers of one C object are the same object."""
    address = getattr(value, "_address", None)
    return id(value) if address is None else int(address)
