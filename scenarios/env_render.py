"""Environments are made, rendered and closed over and over, each in the thread that made it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import soak
from soak.targets.environments import environment
from soak.targets.gl import gl

FRAME = "a rendered frame has rows, columns and colours"
DRAWN = "a rendered frame is not all of one colour"


@dataclass(slots=True, kw_only=True)
class Studio:
    """How many threads render at the moment."""

    target: Callable[[], Any]
    rendering: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, change: int) -> int:
        with self.lock:
            self.rendering += change
            return self.rendering


@soak.scenario(
    seconds=1.0,
    target="soak.targets.mjcf:Mjcf?render=yes",
    needs=(gl,),
    fresh=True,
    hang_after=30.0,
    uses=("make", "reset", "step", "render"),
)
def env_render(target: Any, rng: random.Random) -> Generator[Studio, None, None]:
    """Make, render, close: every frame shows something, and no GL context is left behind."""
    studio = Studio(target=target)
    cycle(studio, rng)  # what is loaded with the first context stays, and is no leak
    yield studio


beside = env_render.sometimes("two threads rendered at the same time")
twice = env_render.sometimes("an environment was rendered more than once")


def cycle(studio: Studio, rng: random.Random) -> None:
    """Make an environment, render some frames of it, close it."""
    with soak.doing("making"):
        env = environment(studio.target)
    try:
        env.reset(rng.randrange(1000))
        frames = rng.randint(1, 3)
        for _ in range(frames):
            env.step(rng)
            beside(studio.count(1) > 1)
            try:
                with soak.doing("rendering"):
                    frame = env.render()
            finally:
                studio.count(-1)
            if not isinstance(frame, soak.Refused):
                soak.always(len(frame.shape) == 3 and frame.shape[2] == 3, FRAME, shape=frame.shape)
                soak.always(frame.max() > frame.min(), DRAWN, colour=int(frame.max()))
        twice(frames > 1)
    finally:
        with soak.doing("closing"):
            env.close()


@env_render.operation(threads=2)
def render(studio: Studio, rng: random.Random) -> None:
    """In the thread that made the environment, and closes it."""
    cycle(studio, rng)
