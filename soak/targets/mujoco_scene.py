"""The world of the built-in simulation: two small arms on a floor, and every edit that recompiles it.

Nothing here knows policies, locks or guards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco

FLOOR = """
<mujoco model="soak">
  <option timestep="0.002" integrator="implicitfast"/>
  <visual><quality shadowsize="0" offsamples="0"/></visual>
  <worldbody>
    <light name="sun" pos="0 0 3"/>
    <camera name="front" pos="0 -2 1.2" xyaxes="1 0 0 0 0.4 1"/>
    <geom name="floor" type="plane" size="3 3 0.1"/>
  </worldbody>
</mujoco>
"""

#: Stiffness (Nm/rad) and damping (Nms/rad) of an arm's servos, which belong to its joints, in that order.
SERVOS = ((20.0, 0.5), (10.0, 0.3))

#: Joints of an arm, in the order of an observation's ``qpos``.
JOINTS = ("shoulder", "elbow")

#: Half the edge of an object's box, in metres, and its mass, in kilograms.
OBJECT_SIZE, OBJECT_MASS = 0.03, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A specification with the model and the data that were compiled from it: one value, swapped whole."""

    spec: Any
    model: Any
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Where one robot (or, for the name "", everything that is no robot's) lies in the model's arrays."""

    qpos: tuple[int, ...]
    qvel: tuple[int, ...]
    ctrl: tuple[int, ...]
    bodies: tuple[int, ...]
    geoms: tuple[int, ...]


def build(robots: Sequence[str], objects: Sequence[str]) -> World:
    """A new world with arms and single boxes standing in a row."""
    spec = mujoco.MjSpec.from_string(FLOOR)
    for place, robot in enumerate(robots):
        put_robot(spec, robot, (0.0, place - (len(robots) - 1) / 2, 0.0))
    for place, name in enumerate(objects):
        put_object(spec, name, (0.6, 0.3 * place, 0.1), bodies=1)
    model = spec.compile()
    return World(spec=spec, model=model, data=mujoco.MjData(model))


def recompile(world: World, edit: Callable[[Any], object]) -> World:
    """The world after ``edit(spec)``, with time, positions, velocities, controls and forces carried over.

    Model and data are new. The specification is edited in place: it knows where the state of its elements
    lies, which a copy does not before MuJoCo 3.17.

    Raises:
        ValueError: it does not compile, and is left half edited.
    """
    edit(world.spec)
    model, data = world.spec.recompile(world.model, world.data)
    _carry_forces(world, model, data)
    mujoco.mj_forward(model, data)
    return World(spec=world.spec, model=model, data=data)


def _carry_forces(old: World, model: Any, data: Any) -> None:
    """Forces on bodies follow their body's name: a recompile before MuJoCo 3.17 forgets them."""
    body = mujoco.mjtObj.mjOBJ_BODY.value
    for number in old.data.xfrc_applied.any(axis=1).nonzero()[0]:
        there = mujoco.mj_name2id(model, body, mujoco.mj_id2name(old.model, body, number))
        if there >= 0:
            data.xfrc_applied[there] = old.data.xfrc_applied[number]


def put_robot(spec: Any, name: str, at: Sequence[float]) -> None:
    """Add an arm of two servo joints on a base; all its elements are called ``name/…``.

    Built element by element, not attached from a file: what attaching adds beside the bodies (frames, default
    classes) cannot be deleted again before MuJoCo 4, and would pile up as robots come and go.
    """
    base = spec.worldbody.add_body(name=f"{name}/base", pos=list(at))
    _add_limb(base, f"{name}/base", mass=1.0, radius=0.05, to=(0, 0, 0.05))
    upper = base.add_body(name=f"{name}/upper", pos=[0, 0, 0.05])
    upper.add_joint(name=f"{name}/shoulder", axis=[0, 1, 0])
    _add_limb(upper, f"{name}/upper", mass=0.5, radius=0.03, to=(0, 0, 0.25))
    lower = upper.add_body(name=f"{name}/lower", pos=[0, 0, 0.25])
    lower.add_joint(name=f"{name}/elbow", axis=[0, 1, 0])
    _add_limb(lower, f"{name}/lower", mass=0.3, radius=0.025, to=(0.2, 0, 0))
    for joint, (stiffness, damping) in zip(JOINTS, SERVOS, strict=True):
        servo = spec.add_actuator(name=f"{name}/{joint}", target=f"{name}/{joint}")
        servo.trntype = mujoco.mjtTrn.mjTRN_JOINT
        servo.set_to_position(kp=stiffness, kv=damping)


def _add_limb(body: Any, name: str, *, mass: float, radius: float, to: Sequence[float]) -> None:
    capsule = mujoco.mjtGeom.mjGEOM_CAPSULE
    ends, size = [0, 0, 0, *to], [radius, 0, 0]
    body.add_geom(name=name, type=capsule, fromto=ends, size=size, mass=mass, contype=0, conaffinity=0)


def drop_robot(spec: Any, name: str) -> None:
    """Take an arm away, its servos included."""
    spec.delete(spec.body(f"{name}/base"))


def put_object(spec: Any, name: str, at: Sequence[float], *, bodies: int) -> None:
    """Add a box that falls, and with it ``bodies - 1`` weightless markers that make the model larger.

    Many bodies at once matter: stepping a larger model on smaller data is silent below about twenty.
    """
    box = spec.worldbody.add_body(name=name, pos=list(at))
    box.add_freejoint(name=name)
    size = [OBJECT_SIZE] * 3
    box.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, size=size, mass=OBJECT_MASS)
    for number in range(1, bodies):
        marker = spec.worldbody.add_body(name=f"{name}#{number}", pos=[at[0], at[1], 0.02 * number])
        marker.add_geom(
            type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.005, 0, 0], contype=0, conaffinity=0, mass=0.001
        )


def drop_object(spec: Any, name: str) -> None:
    """Take a box and its markers away."""
    gone = [body for body in spec.bodies if body.name == name or body.name.startswith(f"{name}#")]
    for body in gone:
        spec.delete(body)


def move_object(spec: Any, name: str, to: Sequence[float]) -> None:
    """Let a box start from another place."""
    spec.body(name).pos = list(to)


def put_camera(spec: Any, name: str, at: Sequence[float]) -> None:
    """Add a fixed camera."""
    spec.worldbody.add_camera(name=name, pos=list(at))


def robots_of(spec: Any) -> tuple[str, ...]:
    """The robots' names, in the order in which they came."""
    names = (body.name for body in spec.bodies)
    return tuple(name.removesuffix("/base") for name in names if name.endswith("/base"))


def objects_of(spec: Any) -> tuple[str, ...]:
    """The objects' names: those of the free joints."""
    names = (joint.name for joint in spec.joints)
    return tuple(name for name in names if "/" not in name)


def cameras_of(spec: Any) -> tuple[str, ...]:
    """The cameras' names."""
    return tuple(camera.name for camera in spec.cameras)


def parts_of(world: World) -> dict[str, Part]:
    """Where each robot lies in the model's arrays, and under "" where the rest lies."""
    model = world.model
    parts = {robot: _part(model, robot) for robot in robots_of(world.spec)}
    taken_bodies = {body for part in parts.values() for body in part.bodies}
    taken_geoms = {geom for part in parts.values() for geom in part.geoms}
    parts[""] = Part(
        qpos=(),
        qvel=(),
        ctrl=(),
        bodies=tuple(body for body in range(model.nbody) if body not in taken_bodies),
        geoms=tuple(geom for geom in range(model.ngeom) if geom not in taken_geoms),
    )
    return parts


def _part(model: Any, robot: str) -> Part:
    joints = [model.joint(f"{robot}/{joint}") for joint in JOINTS]
    bodies = [model.body(f"{robot}/{body}").id for body in ("base", "upper", "lower")]
    return Part(
        qpos=tuple(int(joint.qposadr[0]) for joint in joints),
        qvel=tuple(int(joint.dofadr[0]) for joint in joints),
        ctrl=tuple(model.actuator(f"{robot}/{joint}").id for joint in JOINTS),
        bodies=tuple(bodies),
        geoms=tuple(int(model.body_geomadr[body]) for body in bodies),
    )
