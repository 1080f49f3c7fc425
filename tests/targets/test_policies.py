"""The policies are what their names say."""

from __future__ import annotations

import threading

import pytest

from soak.targets import policies


def test_mock_holds_every_joint() -> None:
    """The mock policy answers zeros, as many as asked for."""
    assert policies.mock(3)({"time": 1.0}) == {"qpos": [0.0, 0.0, 0.0]}


def test_sinusoid_swings_in_simulated_time() -> None:
    """At a quarter of its period the sinusoid is at its amplitude, at zero and a half at rest."""
    swing = policies.sinusoid(2, amplitude=0.4, hertz=2.0)
    angles = [swing({"time": time})["qpos"][0] for time in (0.0, 0.125, 0.25)]
    assert angles == pytest.approx([0.0, 0.4, 0.0])


def test_slow_decides_like_the_mock() -> None:
    """The slow policy takes its time and gives the mock's answer."""
    assert policies.slow(2, seconds=0.0)({"time": 0.0}) == policies.mock(2)({"time": 0.0})


def test_raising_raises_after_its_good_decisions() -> None:
    """It decides as often as it was told to, then fails every time."""
    policy = policies.raising(1, after=2)
    assert [policy({"time": 0.0}), policy({"time": 0.0})] == [{"qpos": [0.0]}] * 2
    for _ in range(2):
        with pytest.raises(policies.PolicyFailed, match="after 2 decisions"):
            policy({"time": 0.0})


def test_never_returns_blocks_until_it_is_released() -> None:
    """Its decision comes only after the release, and then at once."""
    policy = policies.never_returns(1)
    answers: list[object] = []
    caller = threading.Thread(target=lambda: answers.append(policy({"time": 0.0})))
    caller.start()
    assert policy.entered.wait(10)
    assert answers == []
    policy.release()
    caller.join(10)
    assert answers == [{"qpos": [0.0]}]
    assert policy({"time": 0.0}) == {"qpos": [0.0]}
