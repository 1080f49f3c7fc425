"""The story shows threads side by side, and ends in one sentence."""

from __future__ import annotations

import soak
from tests.schedule import kernels


def test_the_story_of_a_lost_update() -> None:
    """Each line stands where it ran, switches are marked, and nothing of the standard library shows."""
    story = soak.race(kernels.lost_update, target=[kernels], schedules=200).story
    lines = story.splitlines()
    assert lines[0].split() == ["thread", "main", "thread", "A", "thread", "B"]
    ran = [line.rpartition("  ")[2] for line in lines if "seen" in line][:4]
    assert ran == [
        "seen = shared.count",
        "seen = shared.count",
        "shared.count = seen + 1",
        "shared.count = seen + 1",
    ]
    assert sum("⇄" in line for line in lines) >= 3
    assert "threading.py" not in story
    assert lines[-1] == (
        "Between `seen = shared.count` and `shared.count = seen + 1` on thread A, "
        "thread B ran `shared.count = seen + 1`: AssertionError."
    )


def test_a_race_within_a_line_is_told_as_such() -> None:
    story = soak.race(kernels.one_line_update, target=[kernels], schedules=200).story
    assert "ithin `shared.count += 1` on thread" in story.splitlines()[-1]
