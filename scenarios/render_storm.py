"""Cameras are rendered in policies and beside them, while the scene changes."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import soak
from soak.targets import policies
from soak.targets.gl import gl
from soak.targets.mujoco_runs import Action, Observation, PolicyRun
from soak.targets.promises import TABLE_AGREES, Dealings

if TYPE_CHECKING:
    from soak.targets.mujoco_sim import MujocoSim

#: Pixels: small, for a software renderer draws on the same cores as the policies.
HEIGHT, WIDTH = 60, 80
#: The camera that is always there and always sees the floor; others come and go.
CAMERA = "front"
ROBOTS = ("left", "right")

WHOLE = "a picture has the size that was asked for"
IN_POLICY = "a policy can render its own scene"
#: So many mutations or short policies are one operation, which then takes as long as one with pictures.
REPEATS = 5
#: Seconds for what takes milliseconds.
SURELY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """An iteration's engine."""

    sim: MujocoSim
    dealings: Dealings


@soak.scenario(
    seconds=10.0,
    rounds=2,
    target="soak.targets.mujoco_sim:MujocoSim",
    threads=2,
    needs=(gl,),
    fresh=True,
    hang_after=20.0,
    uses=("renderers",),
)
def render_storm(target: Any, rng: random.Random) -> Generator[Studio, None, None]:
    """Render in policy threads and in others while policies step and the scene is recompiled.

    Every renderer is made, used and closed by one thread. Iterations are short, and all make about as many
    renderers: one that is not closed costs megabytes, and nothing but memory that grows evenly tells.
    """
    sim = target()
    # The GL library is entered by one thread before many do: it is loaded lazily.
    with sim.open_renderer(HEIGHT, WIDTH) as renderer:
        check(renderer.frame(CAMERA))
    yield Studio(sim=sim, dealings=Dealings(sim))
    sim.close()


bright = render_storm.sometimes("a picture showed something")
filmed_inside = render_storm.sometimes("a policy rendered its scene")
filmed_beside = render_storm.sometimes("a thread rendered while a policy ran")
changed = render_storm.sometimes("a scene changed between two pictures of one renderer")
together = render_storm.sometimes("two threads rendered at the same time")
not_there = render_storm.sometimes("a camera that is not there was refused")
accepted = render_storm.sometimes("a mutation was accepted while a renderer was open")


def check(picture: Any) -> None:
    """Refused where the scene changed faster than a renderer is made; else a picture."""
    if not isinstance(picture, soak.Refused):
        soak.always(picture.shape == (HEIGHT, WIDTH, 3), WHOLE, shape=picture.shape)
        bright(picture.any())


class Film:
    """A policy that renders at each of its ``decisions``, and closes its renderer at the last of them."""

    def __init__(self, studio: Studio, decisions: int) -> None:
        self._studio = studio
        self._left = decisions
        self._renderer: Any = None
        self._decide = policies.sinusoid()

    def __call__(self, observation: Observation) -> Action:
        studio = self._studio
        if self._renderer is None:
            studio.dealings.edges.begin("render", "")
            self._renderer = studio.sim.open_renderer(HEIGHT, WIDTH)
        picture = self._renderer.frame(CAMERA)
        soak.always(not isinstance(picture, soak.Refused), IN_POLICY, refusal=str(picture)[:200])
        check(picture)
        filmed_inside()
        self._left -= 1
        if not self._left:
            self._renderer.close()
            studio.dealings.edges.end("render", "")
        return self._decide(observation)


@render_storm.operation()
def film_inside(studio: Studio, rng: random.Random) -> object:
    """A policy with a camera. Nobody stops it, and it is waited for: its renderer is its own to close."""
    steps = rng.randint(1, 6)
    while not soak.stopping():
        run = studio.dealings.start(rng.choice(ROBOTS), Film(studio, steps), steps=steps)
        if isinstance(run, PolicyRun):
            return run.wait(SURELY)
        time.sleep(0.003)
    return None


@render_storm.operation()
def film_beside(studio: Studio, rng: random.Random) -> object:
    """A thread with a camera of its own, for some pictures of whatever the scene is by then."""
    sim, edges = studio.sim, studio.dealings.edges
    over = edges.over()
    edges.begin("render", "")
    before = sim.scene_version()
    with sim.open_renderer(HEIGHT, WIDTH) as renderer:
        for _ in range(3):
            with sim.policy_window() as window:
                check(renderer.frame(CAMERA))
            filmed_beside(window.running_throughout)
            time.sleep(rng.uniform(0.0, 0.02))
        lens = f"lens-{rng.randrange(3)}"
        picture = renderer.frame(lens)
        not_there(isinstance(picture, soak.Refused) and "no camera" in picture.because)
    changed(sim.scene_version() != before)
    accepted("mutation accepted" in edges.met(over))
    together(edges.contended(over, "render"))
    edges.end("render", "")
    return picture if isinstance(picture, soak.Refused) else None


@render_storm.operation(threads=1)
def run_short(studio: Studio, rng: random.Random) -> object:
    """Policies without a camera, for others to film."""
    outcome: object = None
    for _ in range(REPEATS):
        time.sleep(rng.uniform(0.0, 0.02))
        run = studio.dealings.start(rng.choice(ROBOTS), policies.sinusoid(), seconds=rng.uniform(0.0, 0.03))
        outcome = run.wait(SURELY) if isinstance(run, PolicyRun) else run
    return outcome


@render_storm.operation(threads=1)
def mutate(studio: Studio, rng: random.Random) -> object:
    """Some verbs, not too fast, since every recompile makes every renderer anew."""
    outcome = None
    for _ in range(REPEATS):
        time.sleep(rng.uniform(0.0, 0.03))
        seen = studio.dealings.mutate(rng.choice(studio.sim.mutations), rng, rng.choice(ROBOTS))
        outcome = seen.outcome
        if outcome is None:
            studio.dealings.edges.passed("mutation accepted", "")
    return outcome


@render_storm.check(TABLE_AGREES)
def agrees(studio: Studio) -> bool:
    return studio.dealings.stop_all()
