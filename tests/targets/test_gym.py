"""Gymnasium's own environments, through its real package."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest

from soak.targets.environments import environment
from soak.worker.load import LoadError, load_target
from tests.scenarios.soaked import expect_clean, problems, spec_of
from tests.targets.test_environments import course
from tests.worker.harness import Worker

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    gymnasium = pytest.importorskip("gymnasium", reason="pip install 'soak-harness[gymnasium]'")

ARM = "soak.targets.gym:Gymnasium?id=InvertedPendulum-v5"

pytestmark = [pytest.mark.usefixtures("oracles"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_an_environment_by_its_id() -> None:
    """Equal seeds have equal courses, in two environments too."""
    first, second = environment(load_target(ARM)), environment(load_target(ARM))
    assert course(first, 3) == course(second, 3) != course(first, 4)
    first.close()
    second.close()


def test_an_environment_that_somebody_made() -> None:
    """A function that makes a ``gymnasium.Env`` will do."""
    env = environment(lambda: gymnasium.make("CartPole-v1"))
    assert course(env, 1) == course(env, 1)
    assert env.step(random.Random(1))[1] in (True, False)
    env.close()


def test_an_unknown_id_is_the_packages_own_error() -> None:
    """It says what there is instead."""
    with pytest.raises(gymnasium.error.Error):
        environment(load_target("soak.targets.gym:Gymnasium?id=NoSuchThing-v0"))


def test_cycles_of_real_environments_leave_nothing(tmp_path: Path) -> None:
    """Made, played and closed by threads and by a process; every `sometimes` but that of sharing is seen."""
    expect_clean(spec_of("env_cycles", tmp_path, target=ARM))


def test_frames_of_real_environments_show_something(tmp_path: Path) -> None:
    """Rendered in two threads, each with an environment of its own."""
    outcome = Worker(spec_of("env_render", tmp_path, target=f"{ARM}&render=yes", count=1)).finish()
    assert problems(outcome) == []
    assert outcome.last_words().reason == "count"


def test_a_missing_package_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pip line stands in the message."""
    import sys

    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "soak.targets.gym", raising=False)
    with pytest.raises(LoadError, match=r"pip install 'soak-harness\[gymnasium\]'"):
        load_target(ARM)
