"""What `soak prune` and `soak run --retain` take away, and what they never do."""

from __future__ import annotations

import pytest

from soak.cli.recall import recalled
from tests.cli.command import Done, Soak

BREAKS = """
@soak.scenario(seconds=5.0, rounds=1)
def breaks(target, rng):
    yield

@breaks.operation(threads=1)
def work(state, rng):
    soak.always(False, "the cup stays in the gripper")
"""


def occurrences(done: Done) -> list[str]:
    return sorted(path.name for path in done.finding().iterdir() if path.is_dir())


def test_prune_takes_the_oldest_and_never_the_first(soak: Soak) -> None:
    """Of six occurrences three stay, the first one among them; the memory still counts six."""
    done = soak("run", soak.story(BREAKS), "--count", "6", "--quiet")
    assert occurrences(done) == ["1", "2", "3", "4", "5", "6"]
    pruned = soak("prune", "--retain", "3", "--json").document()
    assert (pruned["count"], pruned["reached"], len(pruned["occurrences"])) == (3, True, 3)
    assert occurrences(done) == ["1", "5", "6"]
    with recalled(done.out) as memory:
        (finding,) = memory.findings()
        assert finding.sightings == 6
        paths = {one.path for one in memory.occurrences(finding.id)}
    assert paths == {"", *(f"findings/{finding.id}/{number}" for number in (1, 5, 6))}


def test_a_bound_that_cannot_be_kept_is_told(soak: Soak) -> None:
    """A first occurrence and the newest run stay, whatever was asked."""
    done = soak("run", soak.story(BREAKS), "--count", "2", "--quiet")
    told = soak("prune", "--retain", "1kB")
    assert told.code == 0
    assert "above the bound" in told.stdout
    assert occurrences(done) == ["1"]
    assert len(done.runs()) == 1


def test_a_run_prunes_at_its_end(soak: Soak) -> None:
    """With `--retain`, the run says what went, and its verdict is its own."""
    done = soak("run", soak.story(BREAKS), "--count", "4", "--quiet", "--retain", "2")
    assert done.code == 1
    assert "taken away: 0 run folders, 2 occurrences" in done.stderr
    assert occurrences(done) == ["1", "4"]


@pytest.mark.parametrize("words", [(), ("--retain", "lots"), ("--retain", "1.5")])
def test_a_bound_that_is_none(soak: Soak, words: tuple[str, ...]) -> None:
    """The message says what was expected; nothing is taken away."""
    told = soak("prune", *words)
    assert told.code == 2
    assert "expected" in told.stderr
