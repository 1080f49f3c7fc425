"""Environments of every kind are taken for one, and their courses compared."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.author import Refused
from soak.targets import mujoco_oracles
from soak.targets.environments import Course, Environment, Plain, environment
from soak.targets.mjcf import Mjcf
from soak.worker.fit import verbs_of
from soak.worker.load import load_target
from tests.targets.lab import XML

pytestmark = pytest.mark.usefixtures("oracles")


def course(env: Environment, seed: int) -> bytes:
    rng, seen = random.Random(seed), Course()
    seen.add(env.reset(seed))
    for _ in range(5):
        seen.add(env.step(rng)[0])
    assert seen.finite
    return seen.digest()


def test_a_file_is_an_environment(tmp_path: Path) -> None:
    """Any MJCF file, named with the target; the same seed has the same course, another another."""
    path = tmp_path / "pole & cart.xml"
    path.write_text(XML)
    target = load_target(
        f"soak.targets.mjcf:Mjcf?path={path.as_posix().replace(' ', '+').replace('&', '%26')}"
    )
    first, second = environment(target), environment(target)
    assert isinstance(first, Mjcf)
    assert course(first, 1) == course(second, 1) != course(first, 2)
    first.close()
    second.close()


def test_without_a_file_there_is_an_arm_of_our_own() -> None:
    """It needs nothing, and refuses to render unless it was asked to."""
    env = environment(Mjcf)
    assert isinstance(env.render(), Refused)
    assert course(env, 1) == course(env, 1)
    env.close()


def test_the_owner_claims_what_it_may() -> None:
    """Rendering and sharing are claimed; forks and seeds are taken back."""
    plain = verbs_of(Mjcf)
    assert plain is not None
    assert (plain["step"], plain["fork"], plain["seeds"]) == ("", "", "")
    assert plain["render"]
    assert plain["share"]
    told = verbs_of(load_target("soak.targets.mjcf:Mjcf?render=yes&shared=true&forks=no&seeded=no"))
    assert told is not None
    assert (told["render"], told["share"]) == ("", "")
    assert told["fork"]
    assert told["seeds"]


def test_any_callable_is_made_and_closed() -> None:
    """What it returns is closed where it can be."""

    class Door:
        closed = False

        def close(self) -> None:
            self.closed = True

    door = Door()
    env = environment(lambda: door)
    assert isinstance(env, Plain)
    assert env.step(random.Random(1)) == (None, True)
    env.close()
    assert door.closed
    environment(lambda: 3).close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (np.zeros(3), np.zeros(3), True),
        (np.zeros(3), np.ones(3), False),
        ({"a": np.zeros(1), "b": 2}, {"b": 2, "a": np.zeros(1)}, True),
        ({"a": (1, [np.ones(2)])}, {"a": (1, [np.zeros(2)])}, False),
        ("open", "shut", False),
    ],
)
def test_courses_are_compared_by_what_was_seen(one: Any, other: Any, same: bool) -> None:
    """Arrays, numbers, words, and mappings and sequences of such."""
    first, second = Course(), Course()
    first.add(one)
    second.add(other)
    assert (first.digest() == second.digest()) is same


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_seen(value: float) -> None:
    """NaN and infinity, in arrays of numbers; other arrays cannot hold them."""
    seen = Course()
    seen.add({"arms": np.array([0.0, value])})
    assert not seen.finite
    harmless = Course()
    harmless.add((np.array([]), np.array([1, 2]), np.array(["nan"])))
    assert harmless.finite


def test_an_environment_used_by_two_is_told() -> None:
    """The oracles know a piece of data that another thread is inside of."""
    env = Mjcf()
    mujoco_oracles._inside[id(env.data)] = (1, "mj_step")
    with pytest.raises(AssertionError, match=mujoco_oracles.ONE_THREAD):
        env.step(random.Random(1))
    mujoco_oracles._inside.clear()
    env.close()
