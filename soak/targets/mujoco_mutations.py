"""Mutations as values: each draws its arguments from a random generator and calls its verb.

A draw is made so that, as far as the scene allows, only the guard can refuse it: where there is nothing to
remove it adds, where the scene is full it removes. Robots named ``guest-…`` come and go; others stay.
What is there is asked once per draw: others may close the engine in between.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from soak.author import Refused
from soak.targets import mujoco_verbs

if TYPE_CHECKING:
    from soak.targets.mujoco_sim import MujocoSim

Outcome = Refused | None
Draw = Callable[["MujocoSim", random.Random, str], Outcome]

#: How many objects, cameras and robots the draws add at most, beside what a scene came with.
CRATES, LENSES, GUESTS = 4, 3, 2
#: Bodies that an object brings: mostly one, sometimes a hundred (see ``mujoco_scene.put_object``).
BODIES = (1, 1, 2, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One verb with its draw. ``scope`` is ``scene``, or ``robot`` where only that robot's policy matters."""

    name: str
    scope: str
    sim: MujocoSim
    draw: Draw

    def __call__(self, rng: random.Random, robot: str | None = None) -> Outcome:
        """Draw the arguments and call the verb, on ``robot`` or one drawn, where it is about a robot."""
        return self.draw(self.sim, rng, robot or rng.choice(self.sim.robots() or ("left",)))


def mutations_of(sim: MujocoSim) -> tuple[Mutation, ...]:
    """Every mutation there is, bound to ``sim``."""
    tables = {"scene": SCENE_DRAWS, "robot": ROBOT_DRAWS}
    return tuple(
        Mutation(name=name, scope=scope, sim=sim, draw=draw)
        for scope, table in tables.items()
        for name, draw in table.items()
    )


def _set_gravity(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    return sim.set_gravity([rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(-10, -1)])


def _set_timestep(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    return sim.set_timestep(rng.uniform(0.0005, 0.002))


def _reset(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    return sim.reset()


def _load_scene(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    return sim.load_scene(rng.choice(sorted(mujoco_verbs.SCENES)))


def _add_object(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    there = sim.objects()
    free = _free("crate", CRATES, there)
    if not free:
        return sim.remove_object(rng.choice(there))
    return sim.add_object(rng.choice(free), _place(rng), bodies=rng.choice(BODIES))


def _remove_object(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    there = sim.objects()
    return sim.remove_object(rng.choice(there)) if there else _add_object(sim, rng, robot)


def _move_object(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    there = sim.objects()
    return sim.move_object(rng.choice(there), _place(rng)) if there else _add_object(sim, rng, robot)


def _add_camera(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    free = _free("lens", LENSES, sim.cameras())
    if not free:
        return _remove_camera(sim, rng, robot)
    return sim.add_camera(rng.choice(free), _place(rng))


def _remove_camera(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    # The scene's own cameras stay: who renders counts on them.
    there = [name for name in sim.cameras() if name.startswith("lens")]
    return sim.remove_camera(rng.choice(there)) if there else _add_camera(sim, rng, robot)


def _add_robot(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    free = _free("guest", GUESTS, sim.robots())
    if not free:
        return _remove_robot(sim, rng, robot)
    return sim.add_robot(rng.choice(free), [rng.uniform(-2, -1), rng.uniform(-1, 1), 0.0])


def _remove_robot(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    guests = [name for name in sim.robots() if name.startswith("guest")]
    return sim.remove_robot(rng.choice(guests)) if guests else _add_robot(sim, rng, robot)


def _set_body_mass(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    return sim.set_body_mass(f"{robot}/{rng.choice(('upper', 'lower'))}", rng.uniform(0.2, 1.0))


def _set_geom(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    rgba = [rng.random(), rng.random(), rng.random(), 1.0]
    return sim.set_geom(f"{robot}/{rng.choice(('base', 'upper'))}", friction=rng.uniform(0.2, 1), rgba=rgba)


def _set_joint_positions(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    return sim.set_joint_positions(robot, [rng.uniform(-1, 1), rng.uniform(-1, 1)])


def _apply_force(sim: MujocoSim, rng: random.Random, robot: str) -> Outcome:
    return sim.apply_force(f"{robot}/lower", [rng.uniform(-1, 1) for _ in range(3)])


def _free(stem: str, count: int, taken: tuple[str, ...]) -> list[str]:
    return [name for number in range(count) if (name := f"{stem}-{number}") not in taken]


def _place(rng: random.Random) -> list[float]:
    return [rng.uniform(0.5, 2.0), rng.uniform(-2.0, 2.0), rng.uniform(0.05, 0.5)]


SCENE_DRAWS: dict[str, Draw] = {
    "set_gravity": _set_gravity,
    "set_timestep": _set_timestep,
    "add_object": _add_object,
    "remove_object": _remove_object,
    "move_object": _move_object,
    "add_camera": _add_camera,
    "remove_camera": _remove_camera,
    "add_robot": _add_robot,
    "remove_robot": _remove_robot,
    "reset": _reset,
    "load_scene": _load_scene,
}

ROBOT_DRAWS: dict[str, Draw] = {
    "set_body_mass": _set_body_mass,
    "set_geom": _set_geom,
    "set_joint_positions": _set_joint_positions,
    "apply_force": _apply_force,
}
