"""What a worker runs before its own iterations, in one process: a real one."""

from __future__ import annotations

from pathlib import Path

from soak.events import Beat, Before, Preceded, PromiseBroken, Residue
from tests.worker.harness import make_spec, soak_story

STORY = """
    import os, threading
    from pathlib import Path

    LOG = Path(__file__).with_suffix(".log")
    KEPT = []

    def say(text):
        with LOG.open("a") as file:
            file.write(f"{os.getpid()} {text}\\n")

    @soak.scenario(seconds=5.0, rounds=1)
    def other(target, rng):
        say(f"other {rng.random():.6f}")
        yield

    other.sometimes("never")

    @other.operation(threads=3)
    def keep(state, rng):
        KEPT.append(1)

    @soak.scenario(seconds=5.0, rounds=1)
    def broken(target, rng):
        yield

    @broken.operation(threads=1)
    def breaks(state, rng):
        soak.always(False, "it is whole")

    @soak.scenario(seconds=5.0, rounds=1)
    def story(target, rng):
        say(f"story {len(KEPT)}")
        yield

    @story.operation(threads=1)
    def work(state, rng):
        pass
"""


def before(tmp_path: Path, name: str, *iterations: int) -> Before:
    """Iterations of a scenario in the file that the spec will have."""
    return Before(
        scenario_file=str(tmp_path / "story0.py"), scenario=name, target="", iterations=tuple(iterations)
    )


def test_what_comes_before_runs_in_the_same_process(tmp_path: Path) -> None:
    """Both parts, in their order, iteration by iteration; the worker's own beats and counts are its own."""
    parts = (before(tmp_path, "other", 4, 9), before(tmp_path, "story", 2))
    outcome = soak_story(tmp_path, STORY, before=parts, count=1, perturb="light")
    log = [line.split() for line in (tmp_path / "story0.log").read_text().splitlines()]
    assert [words[1] for words in log] == ["other", "other", "story", "story"]
    assert len({words[0] for words in log}) == 1
    assert log[0][2] != log[1][2]  # two iterations, two choices
    assert [words[2] for words in log[2:]] == ["6", "6"]
    assert [(each.scenario, each.iterations) for each in outcome.of(Preceded)] == [("other", 2), ("story", 1)]
    assert [beat.iteration for beat in outcome.of(Beat)] == [0]
    assert (outcome.last_words().reason, outcome.last_words().iterations) == ("count", 1)
    assert not outcome.of(Residue)


def test_a_choice_before_is_the_choice_of_that_iteration(tmp_path: Path) -> None:
    """Iteration 4 draws what iteration 4 of a worker of its own would."""
    soak_story(tmp_path, STORY, before=(before(tmp_path, "other", 4),))
    soak_story(tmp_path, STORY, scenario="other", first_iteration=4)
    drawn = [(tmp_path / f"story{number}.log").read_text().split() for number in (0, 1)]
    assert drawn[0][2] == drawn[1][2]


def test_what_breaks_before_ends_the_worker(tmp_path: Path) -> None:
    """It is told as a finding is, and no own iteration is run."""
    outcome = soak_story(tmp_path, STORY, before=(before(tmp_path, "broken", 0),))
    assert outcome.one(PromiseBroken).promise == "it is whole"
    assert outcome.last_words().reason == "finding"
    assert not outcome.of(Preceded)
    assert not (tmp_path / "story0.log").exists()


def test_what_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    """As the harness's fault, with the name."""
    outcome = soak_story(tmp_path, STORY, before=(before(tmp_path, "nobody", 0),))
    assert outcome.last_words().reason == "unusable"
    assert "expected a scenario named 'nobody'" in outcome.last_words().message


def test_a_spec_survives_its_way_to_the_worker(tmp_path: Path) -> None:
    """As JSON and back."""
    from soak.events import WorkerSpec, from_plain, to_plain

    spec = make_spec(tmp_path, STORY, before=(before(tmp_path, "other", 1, 2),))
    assert from_plain(WorkerSpec, to_plain(spec)) == spec
