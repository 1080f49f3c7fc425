"""The simulation's mutations. Each is refused while a policy that it concerns runs, and changes nothing then.

A verb returns None when it is done, and :class:`soak.author.Refused` when not. ``Refused.robot`` is set
exactly where a running policy is the reason. Nonsense values are the caller's mistake: ValueError.

What belongs to one robot (its masses, geoms, joints, forces on it) is guarded for that robot; all the rest,
recompiles included, for the whole scene.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import mujoco

from soak.author import Refused
from soak.targets import mujoco_scene
from soak.targets.mujoco_engine import Engine
from soak.targets.mujoco_guard import Unfit
from soak.targets.mujoco_scene import World

#: The scenes that ``load_scene`` knows: robots and objects.
SCENES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "two_arms": (("left", "right"), ("cube",)),
    "workbench": (("left", "right"), ("cube", "block", "brick")),
}


class Verbs(Engine):
    """Every mutation of the scene, each through the one guard."""

    def __init__(self, world: World, *, period: float, workers: int) -> None:
        #: How often a verb wrote positions, velocities or forces: of a robot, or under "" of the scene.
        self._writes: Counter[str] = Counter()
        super().__init__(world, period=period, workers=workers)

    # -- the scene ---------------------------------------------------------------------------------------

    def set_gravity(self, gravity: Sequence[float]) -> Refused | None:
        """Set gravity, metres per second squared, x, y, z."""
        vector = _finite("gravity", gravity, 3)

        def act() -> None:
            self._spec.option.gravity = vector
            self._model.opt.gravity[:] = vector

        return self._mutate("set_gravity", None, act)

    def set_timestep(self, seconds: float) -> Refused | None:
        """Set the step's length, up to 5 ms, beyond which the arms' servos would not be stable."""
        if not 0.0 < seconds <= 0.005:
            raise ValueError(f"expected a timestep of more than 0 and at most 0.005 s, got {seconds}")

        def act() -> None:
            self._spec.option.timestep = seconds
            self._model.opt.timestep = seconds

        return self._mutate("set_timestep", None, act)

    def reset(self) -> Refused | None:
        """Put everything back where it started, at time zero."""

        def act() -> None:
            mujoco.mj_resetData(self._model, self._data)
            mujoco.mj_forward(self._model, self._data)
            self._writes[""] += 1

        return self._mutate("reset", None, act)

    def load_scene(self, name: str, *, stop: bool = False, timeout: float = 2.0) -> Refused | None:
        """Load one of :data:`SCENES`; with ``stop``, end all policies first, in at most ``timeout`` s."""
        if name not in SCENES:
            raise ValueError(f"expected one of the scenes {', '.join(SCENES)}, got {name!r}")

        def act() -> None:
            self._swap(mujoco_scene.build(*SCENES[name]))

        if not stop:
            return self._mutate("load_scene", None, act)
        with self._lock:
            robots = self._robots()
        return self._drain_then_mutate("load_scene", robots, timeout, act)

    # -- objects and cameras -----------------------------------------------------------------------------

    def add_object(self, name: str, at: Sequence[float], *, bodies: int = 1) -> Refused | None:
        """Add a box that falls, and ``bodies - 1`` markers with it; recompiles."""
        place = _finite("place", at, 3)
        _check_new_name(name)
        return self._recompile(
            "add_object",
            lambda spec: mujoco_scene.put_object(spec, name, place, bodies=bodies),
            lambda: self._refuse_taken("add_object", "object", name, self._objects()),
        )

    def remove_object(self, name: str) -> Refused | None:
        """Take an object away; recompiles."""
        return self._recompile(
            "remove_object",
            lambda spec: mujoco_scene.drop_object(spec, name),
            lambda: self._refuse_unknown("remove_object", "object", name, self._objects()),
        )

    def move_object(self, name: str, to: Sequence[float]) -> Refused | None:
        """Put an object at rest at another place, now and after every reset; recompiles."""
        place = _finite("place", to, 3)

        def act() -> None:
            self._edit(lambda spec: mujoco_scene.move_object(spec, name, place))
            joint = self._data.joint(name)
            joint.qpos[:3] = place
            joint.qvel[:] = 0.0
            mujoco.mj_forward(self._model, self._data)
            self._writes[""] += 1

        return self._mutate(
            "move_object",
            None,
            act,
            lambda: self._refuse_unknown("move_object", "object", name, self._objects()),
        )

    def add_camera(self, name: str, at: Sequence[float]) -> Refused | None:
        """Add a camera that looks down; recompiles."""
        place = _finite("place", at, 3)
        _check_new_name(name)
        return self._recompile(
            "add_camera",
            lambda spec: mujoco_scene.put_camera(spec, name, place),
            lambda: self._refuse_taken("add_camera", "camera", name, self._cameras()),
        )

    def remove_camera(self, name: str) -> Refused | None:
        """Take a camera away; recompiles."""
        return self._recompile(
            "remove_camera",
            lambda spec: spec.delete(spec.camera(name)),
            lambda: self._refuse_unknown("remove_camera", "camera", name, self._cameras()),
        )

    # -- robots ------------------------------------------------------------------------------------------

    def add_robot(self, name: str, at: Sequence[float]) -> Refused | None:
        """Add an arm; recompiles, hence refused while any policy runs."""
        place = _finite("place", at, 3)
        _check_new_name(name)
        return self._recompile(
            "add_robot",
            lambda spec: mujoco_scene.put_robot(spec, name, place),
            lambda: self._refuse_taken("add_robot", "robot", name, self._robots()),
        )

    def remove_robot(self, name: str, *, stop: bool = False, timeout: float = 2.0) -> Refused | None:
        """Take an arm away; recompiles. With ``stop``, first end its policy, in ``timeout`` seconds at most.

        Refused while any policy runs; with ``stop``, while a policy of another robot runs or this one's did
        not end in time.
        """

        def act() -> None:
            self._edit(lambda spec: mujoco_scene.drop_robot(spec, name))

        def unfit() -> Refused | None:
            return self._refuse_unknown("remove_robot", "robot", name, self._robots())

        if not stop:
            return self._mutate("remove_robot", None, act, unfit)
        return self._drain_then_mutate("remove_robot", (name,), timeout, act, unfit)

    def set_joint_positions(self, robot: str, angles: Sequence[float]) -> Refused | None:
        """Put ``robot``'s joints at ``angles`` (radians), at rest."""
        positions = _finite("angles", angles, len(mujoco_scene.JOINTS))

        def act() -> None:
            part = self._parts[robot]
            self._data.qpos[list(part.qpos)] = positions
            self._data.qvel[list(part.qvel)] = 0.0
            self._writes[robot] += 1

        def unfit() -> Refused | None:
            return self._refuse_unknown("set_joint_positions", "robot", robot, self._robots())

        return self._mutate("set_joint_positions", robot, act, unfit)

    # -- bodies and geoms --------------------------------------------------------------------------------

    def set_body_mass(self, body: str, mass: float) -> Refused | None:
        """Set the mass of ``left/upper``, ``cube`` and their like, in kilograms; inertia follows."""
        if not 0.0 < mass < math.inf:
            raise ValueError(f"expected a mass of more than 0 kg, got {mass}")

        def unfit() -> Refused | None:
            return self._refuse_unknown("set_body_mass", "body", body, self._named("bodies"))

        return self._mutate("set_body_mass", _owner(body), lambda: self._weigh(body, mass), unfit)

    def set_geom(
        self, geom: str, *, friction: float | None = None, rgba: Sequence[float] | None = None
    ) -> Refused | None:
        """Set the sliding friction or the colour of ``floor``, ``left/upper``, ``cube`` and their like."""
        colour = None if rgba is None else _finite("rgba", rgba, 4)
        if friction is not None and not 0.0 <= friction < math.inf:
            raise ValueError(f"expected a friction of at least 0, got {friction}")

        def unfit() -> Refused | None:
            return self._refuse_unknown("set_geom", "geom", geom, self._named("geoms"))

        return self._mutate("set_geom", _owner(geom), lambda: self._finish(geom, friction, colour), unfit)

    def apply_force(self, body: str, force: Sequence[float]) -> Refused | None:
        """Push ``body`` with ``force`` (newtons, x, y, z) from now on, until the next call or a reset."""
        push = _finite("force", force, 3)

        def act() -> None:
            self._data.xfrc_applied[self._model.body(body).id, :3] = push
            self._writes[_owner(body) or ""] += 1

        def unfit() -> Refused | None:
            return self._refuse_unknown("apply_force", "body", body, self._named("bodies"))

        return self._mutate("apply_force", _owner(body), act, unfit)

    # -- with the scene lock held ------------------------------------------------------------------------

    def _recompile(self, verb: str, change: Callable[[Any], object], unfit: Unfit) -> Refused | None:
        return self._mutate(verb, None, lambda: self._edit(change), unfit)

    def _edit(self, change: Callable[[Any], object]) -> None:
        before = self._spec.copy()
        try:
            world = mujoco_scene.recompile(self._world(), change)
        except Exception:
            self._spec = before  # model and data are whole, for a recompile makes new ones
            raise
        self._swap(world)

    def _world(self) -> World:
        return World(spec=self._spec, model=self._model, data=self._data)

    def _objects(self) -> tuple[str, ...]:
        return mujoco_scene.objects_of(self._spec)

    def _cameras(self) -> tuple[str, ...]:
        return mujoco_scene.cameras_of(self._spec)

    def _named(self, kind: str) -> tuple[str, ...]:
        """The names that ``set_body_mass`` and its like may be given; the world body has no mass."""
        names = (element.name for element in getattr(self._spec, kind))
        return tuple(name for name in names if name and name != "world" and "#" not in name)

    def _refuse_taken(self, verb: str, kind: str, name: str, known: Sequence[str]) -> Refused | None:
        if name not in known:
            return None
        because = f"there is a {kind} {name!r} already"
        return Refused(what=verb, because=because, remedy="choose another name")

    def _weigh(self, body: str, mass: float) -> None:
        model = self._model
        number = model.body(body).id
        model.body_inertia[number] *= mass / model.body_mass[number]
        model.body_mass[number] = mass
        self._spec.body(body).geoms[0].mass = mass
        # The constants that follow from masses are computed at the reference pose, on data of its own:
        # mj_setConst leaves the data that it is given in that pose.
        mujoco.mj_setConst(model, mujoco.MjData(model))

    def _finish(self, geom: str, friction: float | None, rgba: Sequence[float] | None) -> None:
        number, element = self._model.geom(geom).id, self._spec.geom(geom)
        if friction is not None:
            self._model.geom_friction[number, 0] = friction
            element.friction[0] = friction
        if rgba is not None:
            self._model.geom_rgba[number] = rgba
            element.rgba = rgba


def _owner(name: str) -> str | None:
    """The robot that an element belongs to by its name, None for the scene's own."""
    robot, slash, _ = name.partition("/")
    return robot if slash else None


def _check_new_name(name: str) -> None:
    if not name or "/" in name or "#" in name:
        raise ValueError(f"expected a name without '/' and '#', which mark parts, got {name!r}")


def _finite(what: str, values: Sequence[float], count: int) -> list[float]:
    numbers = [float(value) for value in values]
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"expected {what} of {count} finite numbers, got {values!r}")
    return numbers
