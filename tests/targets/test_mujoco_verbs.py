"""Each mutation takes effect when it may, and is refused without effect when it may not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import mujoco
import numpy
import pytest

from soak.author import Refused
from soak.targets import policies
from soak.targets.mujoco_sim import MujocoSim
from soak.targets.policies import NeverReturns

VERBS: dict[str, tuple[str, Callable[[MujocoSim], Any]]] = {
    "set_gravity": ("scene", lambda sim: sim.set_gravity([0, 0, -1])),
    "set_timestep": ("scene", lambda sim: sim.set_timestep(0.001)),
    "reset": ("scene", lambda sim: sim.reset()),
    "load_scene": ("scene", lambda sim: sim.load_scene("workbench")),
    "add_object": ("scene", lambda sim: sim.add_object("crate", [1, 0, 1], bodies=100)),
    "remove_object": ("scene", lambda sim: sim.remove_object("cube")),
    "move_object": ("scene", lambda sim: sim.move_object("cube", [1, 1, 1])),
    "add_camera": ("scene", lambda sim: sim.add_camera("eye", [0, 0, 2])),
    "remove_camera": ("scene", lambda sim: sim.remove_camera("front")),
    "add_robot": ("scene", lambda sim: sim.add_robot("third", [-1, 0, 0])),
    "remove_robot": ("scene", lambda sim: sim.remove_robot("right")),
    "set_joint_positions": ("robot", lambda sim: sim.set_joint_positions("left", [0.3, -0.3])),
    "set_body_mass": ("robot", lambda sim: sim.set_body_mass("left/upper", 0.7)),
    "set_geom": ("robot", lambda sim: sim.set_geom("left/upper", friction=0.4, rgba=[1, 0, 0, 1])),
    "apply_force": ("robot", lambda sim: sim.apply_force("left/lower", [1, 2, 3])),
}


def model_of(sim: MujocoSim) -> Any:
    with sim.scene() as (model, _):
        return model


def test_the_verbs_here_are_all_there_are(sim: MujocoSim) -> None:
    """This module tests every mutation that the engine offers."""
    assert {mutation.name: mutation.scope for mutation in sim.mutations} == {
        name: scope for name, (scope, _) in VERBS.items()
    }


@pytest.mark.parametrize("name", VERBS)
def test_an_idle_scene_accepts_it_and_changes(sim: MujocoSim, name: str) -> None:
    """Without a policy a mutation is done, and the scene's version says so."""
    before = sim.scene_version()
    assert VERBS[name][1](sim) is None
    assert sim.scene_version() != before


@pytest.mark.parametrize("name", VERBS)
def test_a_running_policy_refuses_it_and_nothing_changes(
    sim: MujocoSim, stuck: NeverReturns, name: str
) -> None:
    """The refusal names the robot and the remedy; version, time, shape and state stay."""
    sim.start_policy("left", stuck)
    assert stuck.entered.wait(10)
    model, before, seen = model_of(sim), sim.scene_version(), sim.observe("left")
    refusal = VERBS[name][1](sim)
    assert isinstance(refusal, Refused)
    assert (refusal.what, refusal.robot) == (name, "left")
    assert "stop_policy('left')" in refusal.remedy
    assert sim.scene_version() == before
    assert model_of(sim) is model
    assert sim.observe("left") == seen


@pytest.mark.parametrize("name", VERBS)
def test_another_robots_policy_refuses_what_is_the_scenes(
    sim: MujocoSim, stuck: NeverReturns, name: str
) -> None:
    """A policy on the right refuses what concerns the scene, and lets what is the left arm's pass."""
    scope, act = VERBS[name]
    sim.start_policy("right", stuck)
    before = sim.scene_version()
    outcome = act(sim)
    assert isinstance(outcome, Refused) == (scope == "scene")
    assert sim.scene_version().part(("right",)) == before.part(("right",))
    assert (sim.scene_version() == before) == (scope == "scene")


@pytest.mark.parametrize("name", VERBS)
def test_a_blocking_policy_refuses_it_too(sim: MujocoSim, name: str) -> None:
    """A policy that runs in its caller's thread is a policy to the guard."""
    outcomes = []

    def mutating(observation: dict[str, Any]) -> dict[str, list[float]]:
        outcomes.append(VERBS[name][1](sim))
        return {"qpos": [0.0, 0.0]}

    sim.run_policy("left", mutating, steps=1)
    assert isinstance(outcomes[0], Refused)
    assert VERBS[name][1](sim) is None


@pytest.mark.parametrize("ending", ["ran out", "stopped", "raised"])
def test_the_next_mutation_after_a_policy_is_accepted(sim: MujocoSim, ending: str) -> None:
    """Once a future is done, however, the guard has forgotten its run."""
    policy = policies.raising(after=1) if ending == "raised" else policies.mock()
    for _ in range(50):
        run = sim.start_policy("left", policy, steps=None if ending == "stopped" else 2)
        assert not isinstance(run, Refused)
        if ending == "stopped":
            run.stop.set()
        run.future.exception(timeout=10)
        assert sim.set_gravity([0, 0, -1]) is None


def test_stepping_changes_no_version(sim: MujocoSim) -> None:
    """A version is of what mutations change, and of nothing that a policy's steps do."""
    before = sim.scene_version()
    sim.run_policy("left", policies.sinusoid(), steps=50)
    assert sim.scene_version() == before


def test_a_recompile_carries_the_state_over(sim: MujocoSim) -> None:
    """Adding a hundred bodies changes neither time, positions, speeds, forces nor earlier settings."""
    sim.set_gravity([0, 0, -3])
    sim.set_timestep(0.001)
    sim.set_body_mass("left/upper", 0.9)
    sim.set_geom("cube", friction=0.25, rgba=[0, 1, 0, 1])
    sim.apply_force("left/lower", [1, 0, 0])
    sim.set_joint_positions("right", [0.4, -0.2])
    sim.step(50)
    seen = [sim.observe(robot) for robot in ("left", "right")]
    assert sim.add_object("crate", [1, 0, 1], bodies=100) is None
    assert [sim.observe(robot) for robot in ("left", "right")] == seen
    with sim.scene() as (model, data):
        assert model.nbody > 100
        assert model.opt.gravity[2] == -3
        assert model.opt.timestep == 0.001
        assert model.body("left/upper").mass[0] == pytest.approx(0.9)
        assert model.geom("cube").friction[0] == 0.25
        assert model.geom("cube").rgba == pytest.approx([0, 1, 0, 1])
        assert data.xfrc_applied[model.body("left/lower").id, 0] == 1


def test_removing_carries_the_state_over(sim: MujocoSim) -> None:
    """What stays keeps its state when what came before it in the arrays goes."""
    sim.set_joint_positions("right", [0.4, -0.2])
    sim.step(10)
    seen = sim.observe("right")
    assert sim.remove_robot("left") is None
    assert sim.observe("right") == seen
    assert isinstance(sim.observe("left"), Refused)


def test_a_mass_set_in_place_is_what_a_recompile_makes_of_it(sim: MujocoSim) -> None:
    """Mass, inertia and all that follows from them agree with a model that was compiled with them."""
    sim.set_body_mass("left/upper", 0.9)
    model = model_of(sim)
    sim.add_camera("eye", [0, 0, 2])
    compiled = model_of(sim)
    for field in ("body_mass", "body_inertia", "body_subtreemass", "dof_invweight0", "body_invweight0"):
        numpy.testing.assert_allclose(getattr(model, field), getattr(compiled, field), rtol=1e-6)


def test_setting_a_mass_does_not_move_anything(sim: MujocoSim) -> None:
    """The constants are computed on data of their own."""
    sim.set_joint_positions("left", [0.4, -0.2])
    sim.set_body_mass("left/upper", 0.9)
    left = sim.observe("left")
    assert isinstance(left, dict)
    assert left["qpos"] == [0.4, -0.2]


def test_a_moved_object_is_there_now_and_after_a_reset(sim: MujocoSim) -> None:
    """A move holds for the state and for the model."""
    sim.move_object("cube", [1, 1, 0.5])
    with sim.scene() as (_, data):
        assert data.joint("cube").qpos[:3] == pytest.approx([1, 1, 0.5])
        assert data.body("cube").xpos == pytest.approx([1, 1, 0.5])
    sim.step(20)
    sim.reset()
    with sim.scene() as (_, data):
        assert data.joint("cube").qpos[:3] == pytest.approx([1, 1, 0.5])


def test_reset_goes_back_to_time_zero(sim: MujocoSim) -> None:
    """After a reset time is zero and the forces are gone."""
    sim.apply_force("cube", [0, 0, 5])
    sim.step(10)
    sim.reset()
    with sim.scene() as (_, data):
        assert data.time == 0
        assert not data.xfrc_applied.any()


def test_a_pushed_object_moves(sim: MujocoSim) -> None:
    """A force on an object is the scene's, and accelerates it."""
    sim.apply_force("cube", [0, 0, 5])
    sim.step(50)
    with sim.scene() as (_, data):
        assert data.joint("cube").qvel[2] > 1


@pytest.mark.parametrize(
    "call",
    [
        lambda sim: sim.remove_object("ghost"),
        lambda sim: sim.move_object("ghost", [0, 0, 0]),
        lambda sim: sim.remove_camera("ghost"),
        lambda sim: sim.remove_robot("ghost"),
        lambda sim: sim.set_joint_positions("ghost", [0, 0]),
        lambda sim: sim.set_body_mass("ghost", 1),
        lambda sim: sim.set_body_mass("world", 1),
        lambda sim: sim.set_geom("ghost/upper", friction=1),
        lambda sim: sim.apply_force("left/ghost", [0, 0, 0]),
        lambda sim: sim.add_object("cube", [0, 0, 0]),
        lambda sim: sim.add_camera("front", [0, 0, 0]),
        lambda sim: sim.add_robot("left", [0, 0, 0]),
    ],
)
def test_names_that_do_not_fit_are_refused(sim: MujocoSim, call: Callable[[MujocoSim], Any]) -> None:
    """An unknown name, or a taken one, is refused for no robot's sake, and changes nothing."""
    before = sim.scene_version()
    refusal = call(sim)
    assert isinstance(refusal, Refused) and refusal.robot is None
    assert sim.scene_version() == before


@pytest.mark.parametrize(
    "call",
    [
        lambda sim: sim.set_gravity([0, 0]),
        lambda sim: sim.set_gravity([0, 0, float("nan")]),
        lambda sim: sim.set_timestep(0.0),
        lambda sim: sim.set_timestep(1.0),
        lambda sim: sim.set_body_mass("cube", 0.0),
        lambda sim: sim.set_geom("cube", friction=-1.0),
        lambda sim: sim.load_scene("nowhere"),
        lambda sim: sim.add_object("a/b", [0, 0, 0]),
        lambda sim: sim.add_robot("", [0, 0, 0]),
    ],
)
def test_nonsense_is_the_callers_mistake(sim: MujocoSim, call: Callable[[MujocoSim], Any]) -> None:
    """Values that no scene could have raise ValueError and change nothing."""
    before = sim.scene_version()
    with pytest.raises(ValueError, match="expected"):
        call(sim)
    assert sim.scene_version() == before


def test_an_edit_that_does_not_compile_changes_nothing(sim: MujocoSim) -> None:
    """The old world stays whole when MuJoCo rejects the new one."""
    before = sim.scene_version()

    def spoil(spec: Any) -> None:
        spec.worldbody.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[1, 0, 0])

    with pytest.raises(ValueError, match="repeated name"):
        sim._recompile("spoil", spoil, lambda: None)
    assert sim.scene_version() == before
    assert sim.step() is None
    assert sim.add_camera("eye", [0, 0, 2]) is None


def test_robots_that_come_and_go_leave_nothing_in_the_specification(sim: MujocoSim) -> None:
    """A hundred arms added and removed leave the model's source as long as it was."""
    sim.add_robot("guest", [-1, 0, 0])
    sim.remove_robot("guest")
    length = len(sim._spec.to_xml())
    for _ in range(20):
        sim.add_robot("guest", [-1, 0, 0])
        sim.remove_robot("guest")
    assert len(sim._spec.to_xml()) == length


def test_a_mutations_draw_is_decided_by_its_generator() -> None:
    """Two engines given equal generators go through equal versions."""
    versions = []
    for _ in range(2):
        sim, rng = MujocoSim(), random.Random(7)
        for _ in range(60):
            rng.choice(sim.mutations)(rng)
        versions.append(sim.scene_version())
        sim.close()
    assert versions[0] == versions[1]


def test_an_idle_scene_accepts_every_draw(sim: MujocoSim) -> None:
    """Where nothing runs and nobody interferes, no draw is refused."""
    rng = random.Random(3)
    outcomes = [rng.choice(sim.mutations)(rng) for _ in range(400)]
    assert outcomes == [None] * 400


def test_a_robots_mutation_is_for_the_robot_that_was_asked_for(sim: MujocoSim, stuck: NeverReturns) -> None:
    """Of the robot's verbs, those for the running robot are refused and those for the other accepted."""
    sim.start_policy("left", stuck)
    rng = random.Random(5)
    for mutation in sim.mutations:
        if mutation.scope == "robot":
            assert isinstance(mutation(rng, "left"), Refused)
            assert mutation(rng, "right") is None
