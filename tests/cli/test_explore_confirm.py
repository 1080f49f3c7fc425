"""`soak explore` confirms what its books call an overlap: a thread is stopped in its call, and it crashes."""

from __future__ import annotations

import platform
import textwrap

import pytest

from soak.events import Evidence
from tests.cli.command import Soak

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="threads are stopped on x86-64 only")

#: A step that takes a fifth of a second once it is made longer, so that even a busy machine can stop it.
SCENE = """
    import threading

    import mujoco
    from soak.targets import mujoco_overlaps

    mujoco_overlaps.install()
    BOXES = "".join(
        f"<body pos='{i % 7 * .15} {i // 7 * .15} {.1 + .19 * (i % 3)}'><freejoint/>"
        "<geom type='box' size='.1 .1 .1'/></body>"
        for i in range(40)
    )
    SCENE = f"<mujoco><worldbody><geom type='plane' size='9 9 .1'/>{BOXES}</worldbody></mujoco>"

    def together(*works):
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def loaded():
        spec = mujoco.MjSpec.from_string(SCENE)
        model = spec.compile()
        data = mujoco.MjData(model)
        mujoco.mj_step(model, data, nstep=5)
        return spec, model, data

    def step_and_recompile():
        spec, model, data = loaded()
        together(lambda: mujoco.mj_step(model, data, nstep=20), lambda: spec.recompile(model, data))

    def step_and_look():
        spec, model, data = loaded()
        together(
            lambda: mujoco.mj_step(model, data, nstep=20),
            lambda: mujoco.mj_jacBody(model, data, None, None, 1),
        )
"""

STORY = """
    import scene

    class Sim:
        def __init__(self):
            self.spec, self.model, self.data = scene.loaded()

        def step(self):
            scene.mujoco.mj_step(self.model, self.data, nstep=20)

        def rebuild(self):
            self.spec.recompile(self.model, self.data)

    @soak.scenario(seconds=0.5, rounds=1)
    def scenes(target, rng):
        "Steps and rebuilds, and nobody guards it."
        yield Sim()

    @scenes.operation(threads=1)
    def step(sim, rng):
        sim.step()

    @scenes.operation(threads=1)
    def rebuild(sim, rng):
        sim.rebuild()
"""


@pytest.fixture
def scene(soak: Soak) -> Soak:
    """A folder with `scene.py`."""
    (soak.folder / "scene.py").write_text(textwrap.dedent(SCENE))
    return soak


def test_an_overlap_of_a_function_s_crashes_for_real(scene: Soak) -> None:
    """MuJoCo ends a process that copies data which is being stepped; with its message, beside the stacks."""
    done = scene("explore", "scene.py::step_and_recompile")
    assert done.code == 1, done.stderr
    assert "confirmed: one thread was stopped in its call, the other made its own" in done.stdout, done.stdout
    assert "mj_copyData" in (done.out / "explore" / "confirm" / "stderr.txt").read_text()
    token = done.stdout.splitlines()[-1].split()[-1]
    again = scene("explore", "scene.py::step_and_recompile", "--token", token, "--json")
    assert again.document()["confirmed"]["death"]


def test_what_nothing_dies_of_is_said_to_be_so(scene: Soak) -> None:
    """A look at bodies while they move is wrong, but no crash; without tries nothing is said."""
    done = scene("explore", "scene.py::step_and_look", "--confirm", "1", "--json")
    told = done.document()["confirmed"]
    assert told == {"tries": 1, "met": 1, "death": "", "missing": ""}, done.stderr
    assert "nothing died in 1 tries" in done.stderr
    done = scene("explore", "scene.py::step_and_look", "--confirm", "0", "--json")
    assert done.code == 1 and "confirmed" not in done.document()


def test_a_confirmed_overlap_of_a_scenario_is_evidence(scene: Soak) -> None:
    """The finding has the crash beside its story, and no second finding is made of it."""
    done = scene("explore", scene.story(STORY))
    assert done.code == 1, done.stderr
    assert "confirmed: one thread was stopped in its call" in done.stdout, done.stdout
    (evidence,) = done.of(Evidence)
    kept = (done.finding() / "1" / evidence.name).read_text()
    assert kept.startswith("confirmed: ")
    assert "SIGABRT" in kept and "Current thread 0x" in kept
