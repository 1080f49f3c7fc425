"""The built-in target: a small, correct, policy-driven MuJoCo engine.

``MujocoSim()`` is a scene with two arms, ``left`` and ``right``. Policies step it from worker threads; every
mutation is refused while a policy that it concerns runs. Locks and who may touch what under which of them are
described in :mod:`soak.targets.mujoco_engine`, the mutations in :mod:`soak.targets.mujoco_verbs`.

Thread safety: every public method may be called from any thread at any time, also from within a policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import mujoco

from soak.author import Refused, doing
from soak.targets import mujoco_native, mujoco_oracles, mujoco_render_oracle, mujoco_scene, verbs
from soak.targets.mujoco_mutations import Mutation, mutations_of
from soak.targets.mujoco_render import SceneRenderer
from soak.targets.mujoco_runs import Observation
from soak.targets.mujoco_verbs import SCENES, Verbs

#: Missing where MuJoCo came without its rendering package. Asked for here, at import: MuJoCo loads the class
#: when it is first named, which takes 6 ms that every forked worker would pay again.
_RENDERER = getattr(mujoco, "Renderer", None)


#: What a simulation may begin with: the scenes that may be loaded, and one that a shrunk scenario does with.
SCENES_TO_BEGIN_WITH = {**SCENES, "one_arm": (("left",), ("cube",))}
#: The smaller scenes than each, the smallest first.
_SMALLER = {"two_arms": ("one_arm",), "workbench": ("one_arm", "two_arms")}


def soak_prepare(*, guard_malloc: bool) -> None:
    """The worker's hook, before anything else: oracles, SIGABRT for MuJoCo's ``exit(1)``, guard pages."""
    mujoco_native.abort_on_error()
    if guard_malloc:
        mujoco_native.guard_memory()
    mujoco_oracles.install()
    if _RENDERER is not None:
        mujoco_render_oracle.install(_RENDERER)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneVersion:
    """What mutations may change, as a value to compare; stepping does not change it.

    ``parts`` holds, of each robot and under "" of the rest: masses, geom properties and the count of position
    and force writes; under "" also gravity, timestep, names and the count of recompiles.
    """

    parts: tuple[tuple[str, tuple[object, ...]], ...]

    def part(self, robots: Iterable[str]) -> tuple[tuple[str, tuple[object, ...]], ...]:
        """The scene's own part and that of ``robots``: what may not change while their policies run."""
        wanted = {"", *robots}
        return tuple(item for item in self.parts if item[0] in wanted)


class MujocoSim(Verbs):
    """A simulation of two arms and an object, driven by policies."""

    def __init__(self, scene: str = "two_arms", *, period: float = 0.0005, workers: int = 16) -> None:
        """Build ``scene``; see :data:`SCENES_TO_BEGIN_WITH`.

        Args:
            scene: the scene's name.
            period: seconds of pause after each decision of a policy, outside of every lock.
            workers: how many policies may run at once.
        """
        robots, objects = SCENES_TO_BEGIN_WITH[scene]
        super().__init__(mujoco_scene.build(robots, objects), period=period, workers=workers)
        self.mutations: tuple[Mutation, ...] = mutations_of(self)

    @classmethod
    def soak_verbs(cls, scene: str = "two_arms", **arguments: Any) -> dict[str, str]:
        """It has every verb that there is; with one arm it lacks a second robot."""
        lacks = (
            {} if len(SCENES_TO_BEGIN_WITH[scene][0]) > 1 else {"second_robot": verbs.OTHERS["second_robot"]}
        )
        return {**dict.fromkeys(verbs.ALL, ""), **lacks}

    @classmethod
    def soak_smaller(cls, scene: str = "two_arms", **arguments: str) -> list[dict[str, str]]:
        """The arguments of smaller simulations, the smallest first: what ``soak shrink`` tries."""
        return [{**arguments, "scene": smaller} for smaller in _SMALLER.get(scene, ())]

    def robots(self) -> tuple[str, ...]:
        """The robots' names; empty once closed."""
        with self._lock:
            return () if self._closed else self._robots()

    def objects(self) -> tuple[str, ...]:
        """The objects' names; empty once closed."""
        with self._lock:
            return () if self._closed else self._objects()

    def cameras(self) -> tuple[str, ...]:
        """The cameras' names; empty once closed."""
        with self._lock:
            return () if self._closed else self._cameras()

    def observe(self, robot: str) -> Observation | Refused:
        """``robot``'s joint positions and velocities and the simulated time, of one moment."""
        with doing("observe"), self._lock:
            refusal = self._refuse_closed("observe")
            refusal = refusal or self._refuse_unknown("observe", "robot", robot, self._robots())
            return self._observation(robot) if refusal is None else refusal

    def step(self, count: int = 1) -> Refused | None:
        """Take ``count`` steps by hand; refused while any policy runs: the steps are the policy's then."""
        return self._mutate("step", None, lambda: mujoco.mj_step(self._model, self._data, count))

    def open_renderer(self, height: int = 120, width: int = 160) -> SceneRenderer:
        """A renderer for the calling thread, which has to close it before it ends. Needs a GL backend."""
        return SceneRenderer(self, height, width)

    def open_native_renderer(self, model: Any, height: int, width: int) -> Any:
        """For :class:`SceneRenderer`: a context of the calling thread's, about 80 ms and 80 MB."""
        return mujoco.Renderer(model, height, width)

    def close_native_renderer(self, native: Any) -> None:
        """For :class:`SceneRenderer`: the end of such a context, in the thread that made it."""
        native.close()

    def scene_version(self) -> SceneVersion:
        """What mutations may change, as it is now."""
        with self._lock:
            if self._closed:
                return SceneVersion(parts=(("", ("closed",)),))
            return SceneVersion(parts=tuple((name, self._version_of(name)) for name in self._parts))

    def sees_effect(self, scope: str) -> bool:
        """Whether an accepted mutation of that scope shows in :meth:`scene_version`: any does."""
        return True

    def _version_of(self, name: str) -> tuple[object, ...]:
        model, part = self._model, self._parts[name]
        geoms = list(part.geoms)
        own: tuple[object, ...] = (
            self._writes[name],
            model.body_mass[list(part.bodies)].tobytes(),
            model.geom_friction[geoms].tobytes(),
            model.geom_rgba[geoms].tobytes(),
        )
        return own if name else (*own, *self._version_of_scene(model))

    def _version_of_scene(self, model: Any) -> tuple[object, ...]:
        return (self._generation, tuple(self._parts), tuple(model.opt.gravity), model.opt.timestep)
