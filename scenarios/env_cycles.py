"""Environments are made, played and closed over and over, by several threads and by a process beside them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import soak
from soak.targets.environments import Course, Environment, environment

SAME_COURSE = "an environment's course depends on its seed and its actions alone"
FINITE = "what an environment shows is finite"
#: So few seeds, that each comes again soon; so many steps in an episode.
SEEDS, STEPS = 4, 15


@dataclass(slots=True, kw_only=True)
class Hall:
    """Who makes and plays at the moment, the courses that are known, and the environment that all share."""

    target: Callable[[], Any]
    courses: dict[int, bytes] = field(default_factory=dict)
    inside: dict[str, int] = field(default_factory=lambda: {"making": 0, "playing": 0, "sharing": 0})
    shared: Environment | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """``with`` it around what others may meet."""
        with self.lock:
            self.inside[what] += 1
        try:
            with soak.doing(what):
                yield
        finally:
            with self.lock:
                self.inside[what] -= 1


@soak.scenario(seconds=1.5, target="soak.targets.mjcf:Mjcf?shared=yes", uses=("make", "reset", "step"))
def env_cycles(target: Any, rng: random.Random) -> Generator[Hall, None, None]:
    """Make, play, close: an environment's course depends on its seed alone, whoever plays beside it.

    Each thread has an environment of its own, and so has a process; where its owner claims that it may, some
    threads step one together. What an environment does not give back is left behind, and found.
    """
    hall = Hall(target=target)
    cycle(hall, rng)  # what is loaded with the first one is no leak, and its course is known to the process
    yield hall
    if hall.shared is not None:
        hall.shared.close()


beside = env_cycles.sometimes("two environments were played at the same time")
made_beside = env_cycles.sometimes("an environment was made while another was played")
again = env_cycles.sometimes("one seed was played again", uses=("seeds",))
elsewhere = env_cycles.sometimes("an environment was played in a process of its own", uses=("fork",))
together = env_cycles.sometimes("two threads stepped one environment", uses=("share",))


def play(env: Environment, seed: int) -> Course:
    """An episode from ``seed``, or some steps of it."""
    rng, course = random.Random(seed), Course()
    course.add(env.reset(seed))
    for _ in range(STEPS):
        soak.beat()
        observation, over = env.step(rng)
        course.add(observation)
        if over:
            break
    return course


def cycle(hall: Hall, rng: random.Random) -> None:
    """Make an environment, play twice, close it."""
    with hall.doing("making"):
        made_beside(hall.inside["playing"])
        env = environment(hall.target)
    try:
        for _ in range(2):
            seed = rng.randrange(SEEDS)
            with hall.doing("playing"):
                course = play(env, seed)
                beside(hall.inside["playing"] > 1)
            soak.always(course.finite, FINITE, seed=seed)
            compare(hall, seed, course.digest())
    finally:
        with soak.doing("closing"):
            env.close()


def compare(hall: Hall, seed: int, digest: bytes) -> None:
    """The same seed has the same course, every time."""
    if not claims_seeds(hall.target):
        return
    with hall.lock:
        known = hall.courses.setdefault(seed, digest)
    if known is not digest:
        again()
        soak.always(known == digest, SAME_COURSE, seed=seed)


def claims_seeds(target: Any) -> bool:
    """Whether the owner says that seeds decide: ``?seeded=no`` says that they do not."""
    claimed: object = getattr(target, "keywords", {}).get("seeded", "yes")
    return claimed == "yes"


@env_cycles.operation(threads=2)
def own(hall: Hall, rng: random.Random) -> None:
    """An environment of the thread's own."""
    cycle(hall, rng)


@env_cycles.operation(processes=1, uses=("fork",))
def in_a_process(hall: Hall, rng: random.Random) -> None:
    """An environment in a forked process."""
    cycle(hall, rng)
    elsewhere()


@env_cycles.operation(threads=2, uses=("share",))
def share(hall: Hall, rng: random.Random) -> None:
    """One environment for several threads."""
    with hall.lock:
        if hall.shared is None:
            hall.shared = environment(hall.target)
            hall.shared.reset(0)
        env = hall.shared
    with hall.doing("sharing"):
        _, over = env.step(rng)
        together(hall.inside["sharing"] > 1)
        if over:
            env.reset(rng.randrange(SEEDS))
